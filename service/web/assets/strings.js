// The words of the page, in English and Chinese.

const STRINGS = {
  en: {
    collection: "Collection",
    api: "API",
    switchTo: "中文",
    switchLabel: "切换到中文",
    welcomeTitle: "Ask your documents",
    welcomeText: "Every answer cites the exact words it rests on. Choose a number to read them in their source.",
    holdings: (documents, chunks) => `${documents} documents · ${chunks} passages`,
    nothingYet: "There are no documents yet. Add some with: troika ingest PATH",
    questionLabel: "Your question",
    placeholder: "Ask a question…",
    hint: "Answers come only from your documents. Check what matters in the source.",
    send: "Ask",
    stop: "Stop",
    close: "Close the source",
    searching: "Searching the documents…",
    reading: (count) => (count === 1 ? "Reading 1 passage…" : `Reading ${count} passages…`),
    answered: (count) => (count === 1 ? "Answer complete, 1 citation." : `Answer complete, ${count} citations.`),
    stopped: "Stopped",
    sources: "Sources",
    alsoRead: (count) => `Also read (${count})`,
    closest: "Closest passages",
    page: (number) => `page ${number}`,
    sourceKicker: (marker) => `Source ${marker}`,
    citeLabel: (marker, title) => `Source ${marker}: ${title}. Show the quoted passage.`,
    grounded: "Every sentence backed by a quote",
    partly: (percent) => `${percent}% of sentences backed by a quote`,
    ungrounded: "No quote in the sources backs this",
    abstained: "Not in the sources",
    degraded: "Quoted from the sources",
    generator_unsupported: "The sources did not bear out what the model wrote, so the answer is quoted from them.",
    generator_lacks_language: "The model does not write this language, so the answer is quoted from the sources.",
    generator_unavailable: "The model cannot be reached, so the answer is quoted from the sources.",
    up: "Good answer",
    down: "Bad answer",
    correct: "Suggest a correction",
    correctionLabel: "What should the answer have been?",
    commentLabel: "Anything else? (optional)",
    submit: "Send",
    cancel: "Cancel",
    thanks: "Thank you. Your feedback will be used to improve the answers.",
    changed: "The document has changed since this answer. This is the passage as it was used.",
    loading: "Opening the document…",
    seconds: (value) => `${value} s`,
    errorTitle: "That did not work",
    askKey: "This server asks for an API key. It is kept until this tab is closed.",
    network: "The server cannot be reached. Check that it is running, then ask again.",
    interrupted: "The connection ended before the answer was complete. Ask again.",
  },
  zh: {
    collection: "知识库",
    api: "接口",
    switchTo: "English",
    switchLabel: "Switch to English",
    welcomeTitle: "向您的文档提问",
    welcomeText: "每个回答都注明所依据的原文。点击编号，即可在原文中查看。",
    holdings: (documents, chunks) => `${documents} 份文档 · ${chunks} 个段落`,
    nothingYet: "还没有文档。请先运行：troika ingest 路径",
    questionLabel: "您的问题",
    placeholder: "请输入问题…",
    hint: "回答只来自您的文档。重要内容请核对原文。",
    send: "提问",
    stop: "停止",
    close: "关闭原文",
    searching: "正在检索文档…",
    reading: (count) => `正在阅读 ${count} 个段落…`,
    answered: (count) => `回答完毕，共 ${count} 处引用。`,
    stopped: "已停止",
    sources: "来源",
    alsoRead: (count) => `其他参考段落（${count}）`,
    closest: "最接近的段落",
    page: (number) => `第 ${number} 页`,
    sourceKicker: (marker) => `来源 ${marker}`,
    citeLabel: (marker, title) => `来源 ${marker}：${title}。查看引用的原文。`,
    grounded: "每句话都有原文依据",
    partly: (percent) => `${percent}% 的句子有原文依据`,
    ungrounded: "来源中没有支持这个回答的原文",
    abstained: "资料中没有答案",
    degraded: "摘自原文",
    generator_unsupported: "模型写出的内容在资料中找不到依据，因此直接摘录原文作答。",
    generator_lacks_language: "模型不支持这种语言，因此直接摘录原文作答。",
    generator_unavailable: "模型暂时不可用，因此直接摘录原文作答。",
    up: "回答得好",
    down: "回答得不好",
    correct: "提出更正",
    correctionLabel: "正确的回答应该是什么？",
    commentLabel: "其他意见（选填）",
    submit: "提交",
    cancel: "取消",
    thanks: "谢谢。您的反馈将用于改进回答。",
    changed: "文档在回答之后有改动。这里显示的是当时使用的段落。",
    loading: "正在打开文档…",
    seconds: (value) => `${value} 秒`,
    errorTitle: "没有成功",
    askKey: "服务器需要 API 密钥。密钥只保留到关闭此标签页为止。",
    network: "无法连接服务器。请确认服务器正在运行，然后重试。",
    interrupted: "回答尚未完成，连接已中断。请重新提问。",
    question_empty: "请先输入问题。",
    question_too_long: "问题太长，请缩短后重试。",
    question_without_terms: "问题中没有可检索的词，请用文字描述问题。",
    request_too_large: "内容太长，请缩短后重试。",
    collection_not_found: "没有这个知识库，请先导入文档。",
    generator_failed: "模型出错或无法连接，请稍后重试。",
    model_not_found: "找不到模型文件，请运行 troika doctor 查看。",
    answer_not_found: "这个回答没有保存，无法评价。",
    unauthenticated: "需要有效的 API 密钥，请刷新页面后重新输入。",
    forbidden: "当前的 API 密钥没有这项权限。",
    overloaded: "服务器繁忙，请稍后重试。",
    rate_exceeded: "请求过于频繁，请稍后重试。",
    quota_exceeded: "请求配额已用完，请稍后重试。",
    internal_error: "服务器内部出错，详情见服务器日志。",
  },
};

const STORAGE_KEY = "troika.language";

let language = storedLanguage() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function storedLanguage() {
  const stored = window.localStorage.getItem(STORAGE_KEY);
  return stored in STRINGS ? stored : null;
}

/** The words for `key` in the current language; functions are given `values`. */
export function say(key, ...values) {
  const found = STRINGS[language][key];
  return typeof found === "function" ? found(...values) : found;
}

/** What to tell of a problem: in the page's language where it has words for it, else the server's own. */
export function sayProblem(problem) {
  return say(problem.code) ?? problem.message;
}

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  window.localStorage.setItem(STORAGE_KEY, language);
  applyLanguage();
}

/** Write the words into every element that names them. Parameters are kept on the element as JSON. */
export function applyLanguage(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = say(element.dataset.text, ...JSON.parse(element.dataset.values ?? "[]"));
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label, ...JSON.parse(element.dataset.values ?? "[]")));
  }
  for (const element of root.querySelectorAll("[data-title]")) {
    element.title = say(element.dataset.title);
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.placeholder = say(element.dataset.placeholder);
  }
}

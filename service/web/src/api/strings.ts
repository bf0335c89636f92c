import type { Strings } from "../language/language.ts";

// The server's own detail is in English and names the cause: English is left to it but for what is better
// told to a reader than to a programmer.
export const problems: Strings<Record<string, string>> = {
  en: {
    network: "The server cannot be reached. Check that it is running, then try again.",
    interrupted: "The connection ended before the answer was complete. Ask again.",
    key_refused: "This needs an API key. Reload the page to enter one.",
    question_empty: "Write a question first.",
  },
  zh: {
    network: "无法连接服务器。请确认服务器正在运行，然后重试。",
    interrupted: "回答尚未完成，连接已中断。请重新提问。",
    key_refused: "此操作需要 API 密钥。请刷新页面后输入。",
    question_empty: "请先输入问题。",
    question_too_long: "问题太长，请缩短后重试。",
    question_without_terms: "问题中没有可检索的词，请用文字描述问题。",
    request_too_large: "内容太大，请减少后重试。",
    request_invalid: "请求的格式不正确，请检查输入的内容。",
    collection_not_found: "没有这个知识库，请先导入文档。",
    collection_busy: "知识库正在更新，请稍后重试。",
    document_not_found: "知识库中没有这份文档，它可能已被修改或删除。",
    generator_failed: "模型出错或无法连接，请稍后重试。",
    model_not_found: "找不到模型文件，请运行 troika doctor 查看。",
    unknown_model: "没有这个版本，请从列表中选择。",
    answer_not_found: "这个回答没有保存，或不属于您。",
    unauthenticated: "需要有效的 API 密钥，请刷新页面后重新输入。",
    forbidden: "当前的 API 密钥没有这项权限，请向管理员申请。",
    overloaded: "服务器繁忙，请稍后重试。",
    rate_exceeded: "请求过于频繁，请稍后重试。",
    quota_exceeded: "请求配额已用完，请稍后重试。",
    storage_failed: "服务器无法写入磁盘，请通知管理员。",
    internal_error: "服务器内部出错，详情见服务器日志。",
  },
};

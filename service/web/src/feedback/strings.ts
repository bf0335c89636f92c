const en = {
  up: "Good answer",
  down: "Bad answer",
  correct: "Suggest a correction",
  correctionLabel: "What should the answer have been?",
  commentLabel: "Anything else? (optional)",
  submit: "Send",
  cancel: "Cancel",
  thanks: "Thank you. Your feedback will be used to improve the answers.",
  citationRight: (marker: number, title: string) => `Source ${marker}, ${title}: bears the answer out`,
  citationWrong: (marker: number, title: string) =>
    `Source ${marker}, ${title}: does not bear the answer out`,
};

const zh: typeof en = {
  up: "回答得好",
  down: "回答得不好",
  correct: "提出更正",
  correctionLabel: "正确的回答应该是什么？",
  commentLabel: "其他意见（选填）",
  submit: "提交",
  cancel: "取消",
  thanks: "谢谢。您的反馈将用于改进回答。",
  citationRight: (marker, title) => `来源 ${marker}，${title}：支持这个回答`,
  citationWrong: (marker, title) => `来源 ${marker}，${title}：不支持这个回答`,
};

export const strings = { en, zh };

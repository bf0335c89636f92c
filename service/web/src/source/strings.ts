const en = {
  source: (marker: number) => `Source ${marker}`,
  document: "Document",
  page: (number: number) => `page ${number}`,
  close: "Close the source",
  opening: "Opening the document…",
  changed: "The document has changed since this answer. This is the passage as it was used.",
  view: "How the source is shown",
  asText: "Text",
  asPage: "Page",
  quoted: "Quoted words",
  endQuoted: "End of the quoted words",
};

const zh: typeof en = {
  source: (marker) => `来源 ${marker}`,
  document: "文档",
  page: (number) => `第 ${number} 页`,
  close: "关闭原文",
  opening: "正在打开文档…",
  changed: "文档在回答之后有改动。这里显示的是当时使用的段落。",
  view: "原文显示方式",
  asText: "文本",
  asPage: "页面",
  quoted: "引用的文字",
  endQuoted: "引用结束",
};

export const strings = { en, zh };

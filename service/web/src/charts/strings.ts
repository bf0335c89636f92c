const en = {
  asTable: "As a table",
  time: "Time",
  none: "–",
};

const zh: typeof en = {
  asTable: "以表格显示",
  time: "时间",
  none: "–",
};

export const strings = { en, zh };

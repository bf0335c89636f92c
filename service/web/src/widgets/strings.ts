const en = { failed: "That did not work" };

const zh: typeof en = { failed: "没有成功" };

export const strings = { en, zh };

import type { Strings } from "../language/language.ts";

const en = {
  page: (page: number, pages: number | null) =>
    pages === null ? `Page ${page}` : `Page ${page} of ${pages}`,
  previous: "Previous page",
  next: "Next page",
  toQuote: "To the quoted lines",
  larger: "Larger",
  smaller: "Smaller",
  drawing: "Drawing the page …",
  sheet: "Page as it is in the file",
  picture: (page: string, lines: number) =>
    lines
      ? `${page}, as it is in the file; ${lines === 1 ? "1 quoted line is" : `${lines} quoted lines are`} marked. Their words are in the view as text.`
      : `${page}, as it is in the file, without quoted lines. Its words are in the view as text.`,
  fallback: "The page cannot be shown as it looks, so here is its text.",
  reasons: {
    source_unavailable: "The file is gone, is not kept, or has changed since it was read.",
    document_not_drawable: "Only pages of PDFs can be drawn.",
    page_not_drawn: "The page could not be drawn within the limits of time and memory.",
    page_not_found: "The file has no such page.",
  } as Record<string, string>,
};

const zh: typeof en = {
  page: (page, pages) => (pages === null ? `第 ${page} 页` : `第 ${page} 页，共 ${pages} 页`),
  previous: "上一页",
  next: "下一页",
  toQuote: "转到引文",
  larger: "放大",
  smaller: "缩小",
  drawing: "正在绘制页面……",
  sheet: "文件中的原始页面",
  picture: (page, lines) =>
    lines
      ? `${page}的原始页面，标出了 ${lines} 行引文。文字见文本视图。`
      : `${page}的原始页面，没有引文。文字见文本视图。`,
  fallback: "无法显示原始页面，以下是其文字。",
  reasons: {
    source_unavailable: "文件已不存在、没有保存，或在读取之后被修改。",
    document_not_drawable: "只能绘制 PDF 的页面。",
    page_not_drawn: "无法在时间和内存限制内绘制此页。",
    page_not_found: "文件中没有这一页。",
  },
};

export const strings: Strings<typeof en> = { en, zh };

const en = {
  skip: "Skip to the content",
  views: "Views",
  settings: "Settings",
  collection: "Collection",
  interface: "API",
  toDark: "Use dark colours",
  toLight: "Use light colours",
  otherLanguage: "中文",
  toOtherLanguage: "切换到中文",
  offline: "You are offline. What is shown stays; nothing new can be asked until the connection is back.",
  keyTitle: "This server asks for an API key",
  keyText:
    "It is kept in this tab alone, until the tab is closed. Whoever runs the server makes keys with `troika keys create`.",
  keyRefused: "That key was not accepted. It may have ended, or been revoked.",
  keyLabel: "API key",
  keySend: "Use this key",
  cancel: "Cancel",
  reload: "Reload the page",
};

const zh: typeof en = {
  skip: "跳到正文",
  views: "页面",
  settings: "设置",
  collection: "知识库",
  interface: "接口",
  toDark: "使用深色",
  toLight: "使用浅色",
  otherLanguage: "English",
  toOtherLanguage: "Switch to English",
  offline: "当前没有网络连接。已显示的内容会保留，恢复连接后才能继续提问。",
  keyTitle: "服务器需要 API 密钥",
  keyText: "密钥只保留在此标签页，关闭后即清除。服务器管理员可用 `troika keys create` 创建密钥。",
  keyRefused: "密钥未被接受，它可能已过期或被撤销。",
  keyLabel: "API 密钥",
  keySend: "使用此密钥",
  cancel: "取消",
  reload: "刷新页面",
};

export const strings = { en, zh };

/** Names of the roles that every site starts with; others are shown by their code. */
export const ROLE_NAMES: Record<string, string> = {
  cashier: '收银员',
  finance: '财务',
  electrician: '电工',
  manager: '经理',
  administrator: '系统管理员',
}

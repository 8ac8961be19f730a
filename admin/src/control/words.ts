/** Words of relays and orders, said the same way on every screen. */
export const RELAYS: Record<string, string> = { ON: '合', OFF: '分', PERMITTED: '合闸允许', UNKNOWN: '未知' }

export const REASONS: Record<string, string> = {
  safety: '紧急断电',
  staff: '人工断电',
  power_limit: '超功率限值',
  arrears: '欠费',
}

/** Why an arrears trip waits. */
export const HOLDS: Record<string, string> = {
  keep_supply: '保电中',
  not_armed: '未启用自动断电',
  doubt: '数据存疑',
  band: '余额在恢复线之下',
  veto: '经理已否决',
  not_warned: '尚未提醒',
  no_proof: '提醒尚无送达回执',
  delay: '送达后的延时未到',
  window: '免断时段',
  spread: '错峰排队',
  open_order: '有未完成的付款',
  not_confirmed: '等待两次抄表确认',
  stale: '示数不够新',
}

/** Where a command came from, when no person gave it. */
export function causeText(cause: string): string {
  const kind = cause.split(':')[0] ?? ''
  const words: Record<string, string> = {
    top_up: '交费后自动送电',
    counter: '交费后自动送电',
    episode: '欠费自动判定',
    reading: '抄表后自动判定',
    proof: '提醒送达后自动判定',
    time: '到时自动判定',
    expired: '断电未及时发出，自动撤回',
    keep_supply: '保电变化后自动判定',
    power_limit: '功率限值自动判定',
    meter_change: '换表后自动判定',
    register: '示数处理后自动判定',
  }
  return words[kind] ?? '系统自动判定'
}

export const TRIP_REASONS = ['线路检修', '装修施工', '商户申请停电', '违规用电', '撤场']
export const RESTORE_REASONS = ['检修完毕', '隐患已排除', '商户已整改', '误操作恢复']
export const EMERGENCY_REASONS = ['冒烟、起火', '漏电', '进水', '人员触电']
export const KEEP_REASONS = ['冷柜有货，次日交费', '已承诺交费时间', '租约交接中', '系统对账中']

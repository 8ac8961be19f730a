/** What the files' codes are called. */
export const METER_STATE: Record<string, { word: string; shape: string; tone: string }> = {
  answering: { word: '正常', shape: '●', tone: 'good' },
  silent: { word: '不应答', shape: '✕', tone: 'grey' },
  never: { word: '从未抄到', shape: '？', tone: 'grey' },
  doubt: { word: '待核示数', shape: '▲', tone: 'warn' },
  retired: { word: '已拆除', shape: '○', tone: 'grey' },
}
export const KIND: Record<string, string> = { prepaid: '预付费', public: '公区' }
export const RELAY: Record<string, string> = { ON: '合', OFF: '分', PERMITTED: '合闸允许', UNKNOWN: '未知' }
export const relayWord = (relay: string) => RELAY[relay.toUpperCase()] ?? '未知'

export const PROTOCOLS = [
  { value: 'modbus-tcp', label: 'Modbus TCP', isSerial: false, isDlt: false },
  { value: 'rtu-tcp', label: 'Modbus RTU（透传）', isSerial: false, isDlt: false },
  { value: 'dlt645-tcp', label: 'DL/T 645（透传）', isSerial: false, isDlt: true },
  { value: 'rtu-serial', label: 'Modbus RTU（本机串口）', isSerial: true, isDlt: false },
  { value: 'dlt645-serial', label: 'DL/T 645（本机串口）', isSerial: true, isDlt: true },
] as const
export type Protocol = (typeof PROTOCOLS)[number]['value']
export const protocolOf = (value: string) => PROTOCOLS.find((one) => one.value === value) ?? PROTOCOLS[0]

export const LINE_STATE: Record<string, { word: string; shape: string; tone: string }> = {
  well: { word: '正常', shape: '●', tone: 'good' },
  gateway_down: { word: '通讯管理机断线', shape: '✕', tone: 'bad' },
  line_down: { word: '连接断开', shape: '✕', tone: 'bad' },
  line_silent: { word: '电表不应答', shape: '✕', tone: 'bad' },
  unread: { word: '无采集服务', shape: '？', tone: 'grey' },
}
export const REACH: Record<string, { word: string; shape: string; tone: string }> = {
  reachable: { word: '可通知', shape: '●', tone: 'good' },
  unproved: { word: '未核实', shape: '▲', tone: 'warn' },
  nobody: { word: '无联系人', shape: '■', tone: 'bad' },
}
export const VERDICT: Record<string, string> = {
  accepted: '已采用',
  first: '首次',
  duplicate: '重复',
  late: '迟到',
  future: '时间超前',
  fallen: '示数下降',
  jumped: '跳变过大',
  unused: '未采用',
  rejected: '不采用',
}
export const READING_KIND: Record<string, string> = {
  poll: '轮询',
  request: '立即抄表',
  verify: '回读',
  frozen: '日冻结',
  changed: '换表',
  typed: '人工抄录',
}
export const CHANGE_STATE: Record<string, string> = {
  asked: '待审批',
  done: '已完成',
  refused: '未通过',
  approved: '已批准，待现场更换',
  due: '待抄表生效',
  applied: '已生效',
}
export const NOTICE: Record<string, string> = { LOW: '余额低', CRITICAL: '即将断电', TRIPPED: '已断电', RESTORED: '已送电', LAST: '最后提醒' }
export const noticeWord = (level: string) => NOTICE[level.toUpperCase()] ?? '通知'

/** A profile's row that nobody has checked on a real meter, in words. */
const ROWS: Record<string, string> = {
  'relay.contact': '触点状态位',
  'relay.trip': '断电指令',
  'relay.restore': '送电指令',
  'relay.permit': '合闸允许指令',
  'relay.release': '保电解除指令',
  register_wh: '总示数',
  period_registers_wh: '分时示数',
  sharp_wh: '尖示数',
  peak_wh: '峰示数',
  flat_wh: '平示数',
  valley_wh: '谷示数',
  power_w: '功率',
  voltage_mv: '电压',
  current_ma: '电流',
  own_remaining_fen: '表内余额',
  load_trip: '负荷跳闸位',
  clock: '表内时钟',
  period_table: '表内时段表',
  frozen: '日冻结示数',
  status: '状态字',
}
export const rowWord = (row: string) => ROWS[row] ?? (row.startsWith('status.') ? `状态区的${ROWS[row.slice(7)] ?? row.slice(7)}` : row)

/** Codes of a site file's shop classes; whatever people typed themselves stays as it is. */
const CLASSES: Record<string, string> = { kiosk: '小型店', clothes: '服饰', drinks: '饮品', restaurant: '餐饮', ktv: 'KTV', cinema: '影院', supermarket: '超市' }
export const classWord = (shopClass: string) => CLASSES[shopClass] ?? shopClass

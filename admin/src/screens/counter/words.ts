/** How money came in, as people call it. */
export type Method = 'cash' | 'transfer' | 'card' | 'scan'

export const METHODS: { value: Method; label: string; key: string }[] = [
  { value: 'cash', label: '现金', key: '1' },
  { value: 'transfer', label: '转账', key: '2' },
  { value: 'card', label: '刷卡', key: '3' },
  { value: 'scan', label: '扫码', key: '4' },
]

const WORDS: Record<string, string> = {
  cash: '现金',
  transfer: '转账',
  card: '刷卡',
  wechat: '微信支付',
  native: '微信扫码',
}

export const methodWord = (method: string) => WORDS[method] ?? method

export const OFF_WORDS: Record<string, string> = {
  safety: '安全断电',
  staff: '人工断电',
  power_limit: '超功率断电',
  arrears: '欠费断电',
}

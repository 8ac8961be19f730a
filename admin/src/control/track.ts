/** How far a relay order has come, as steps with seconds, and in one honest word. */
import type { Schemas } from '../api/client'

export type Command = Schemas['Command']
export type Tone = 'good' | 'amber' | 'bad' | 'muted'

export interface Step {
  name: string
  at: string | null
  /** Since the step before that was reached: "+1.2 秒"; empty for the first and for what has not happened. */
  took: string
}

const STEPS: [string, 'ordered_at' | 'fetched_at' | 'sent_at' | 'acknowledged_at' | 'verified_at'][] = [
  ['已创建', 'ordered_at'],
  ['采集服务已收', 'fetched_at'],
  ['已发往电表', 'sent_at'],
  ['电表已应答', 'acknowledged_at'],
  ['回读确认', 'verified_at'],
]

export function secondsText(from: string, to: string): string {
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)
  if (seconds >= 3_600) return `${Math.floor(seconds / 3_600)} 小时`
  return seconds >= 100 ? `${Math.floor(seconds / 60)} 分钟` : `${seconds.toFixed(1)} 秒`
}

export function stepsOf(command: Command): Step[] {
  let last: string | null = null
  return STEPS.map(([name, key]) => {
    const at = command[key]
    const took = at !== null && last !== null ? `+${secondsText(last, at)}` : ''
    if (at !== null) last = at
    return { name, at, took }
  })
}

const TROUBLES: Record<string, string> = {
  unreachable: '电表无应答，采集服务在继续重试',
  contradicted: '显示已断开，但仍有电流：触点粘连或旁路，请到现场核查',
  refused: '电表拒绝执行，请核对控制密码与操作权限',
  expired: '未能在 60 秒内发出，已作废',
}

/** Amber until it was read back; never green before. */
export function toneOf(command: Command): Tone {
  if (command.verified_at !== null || command.end_stage === 'verified') return command.trouble === 'contradicted' ? 'bad' : 'good'
  if (command.end_stage === 'superseded') return 'muted'
  if (command.end_stage !== null || command.trouble === 'contradicted') return 'bad'
  return 'amber'
}

export function wordOf(command: Command): string {
  const act = command.relay === 'OFF' ? '断电' : '送电'
  switch (toneOf(command)) {
    case 'good':
      return `已${act}，回读确认`
    case 'muted':
      return '已被新指令取代'
    case 'bad':
      return TROUBLES[command.trouble ?? command.end_stage ?? ''] ?? '没有完成'
    default:
      if (command.trouble !== null) return TROUBLES[command.trouble] ?? '受阻，重试中'
      if (command.commanded_at !== null) return '电表已执行，未能回读触点，以实际用电为准'
      return command.sent_at === null ? '等待下发' : '已下发，未确认'
  }
}

export const isOpen = (command: Command) => command.ended_at === null

/** What support needs to find it again, as plain text. */
export function supportText(command: Command): string {
  const lines = [
    `指令 ${command.order_id}（第 ${command.generation} 代，重发 ${command.retries} 次）`,
    `${command.relay === 'OFF' ? '断电' : '送电'} ${command.shop_code ?? ''} ${command.shop_name ?? ''} 表号 ${command.serial}`,
    `来源 ${command.cause}${command.note ? `；原因：${command.note}` : ''}`,
    ...stepsOf(command).map((step) => `${step.name} ${step.at ?? '—'} ${step.took}`.trim()),
    `状态 ${wordOf(command)}${command.trouble ? `（${command.trouble}）` : ''}`,
    ...Object.entries(command.detail).map(([stage, text]) => `${stage}: ${text}`),
  ]
  return lines.join('\n')
}

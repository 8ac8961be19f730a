/** What people do to the tree of shafts, gateways, lines and meters, and what each removal will do. */
import { api, take, type Schemas } from '../../../api/client'
import { rowId } from '../ids'

export interface Act {
  what:
    | 'add-shaft' | 'change-shaft' | 'remove-shaft'
    | 'add-gateway' | 'change-gateway' | 'remove-gateway'
    | 'add-line' | 'change-line' | 'remove-line' | 'read-line'
    | 'add-meter' | 'change-meter' | 'retire-meter'
  shaft?: Schemas['WiredShaft']
  gateway?: Schemas['WiredGateway']
  line?: Schemas['WiredLine']
  meter?: Schemas['WiredMeter']
}

export function removal(act: Act): { title: string; note: string; verb: string; send: (reason: string) => Promise<unknown> } {
  const note = '只有空的才能移除；历史记录保留，同一编号再次新增时恢复。'
  switch (act.what) {
    case 'remove-shaft':
      return {
        title: `移除强电井 ${act.shaft!.code}`, note, verb: '移除',
        send: (reason) => take(api.POST('/api/v1/staff/shafts/{shaft_id}/removals', { params: { path: { shaft_id: rowId(act.shaft!.shaft_id) } }, body: { reason } })),
      }
    case 'remove-gateway':
      return {
        title: `移除通讯管理机 ${act.gateway!.code}`, note, verb: '移除',
        send: (reason) => take(api.POST('/api/v1/staff/gateways/{gateway_id}/removals', { params: { path: { gateway_id: rowId(act.gateway!.gateway_id) } }, body: { reason } })),
      }
    case 'remove-line':
      return {
        title: `移除总线 ${act.line!.code}`, note, verb: '移除',
        send: (reason) => take(api.POST('/api/v1/staff/lines/{line_id}/removals', { params: { path: { line_id: rowId(act.line!.line_id) } }, body: { reason } })),
      }
    default:
      return {
        title: `拆除表 ${act.meter!.serial}`, verb: '拆除',
        note: '拆除后不再抄表，地址可以给别的表用，历史记录全部保留。正在为商铺计费的表不能拆除，请先换表或销户。',
        send: (reason) => take(api.POST('/api/v1/staff/meter-retirements', { body: { meter_ids: [act.meter!.meter_id], reason } })),
      }
  }
}

/** The first address on a line that no meter has. */
export function freeUnit(line: Schemas['WiredLine']): number {
  const taken = new Set(line.meters.map((one) => one.unit))
  for (let unit = 1; unit <= 247; unit++) if (!taken.has(unit)) return unit
  return 247
}

/** T0009 → T0010: the next plate in the box. */
export function nextSerial(serial: string): string {
  const match = /^(.*?)(\d+)$/.exec(serial)
  if (!match) return ''
  return match[1]! + String(BigInt(match[2]!) + 1n).padStart(match[2]!.length, '0')
}

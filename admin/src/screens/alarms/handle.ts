/** What people do about alarms. */
import { api, take } from '../../api/client'

const path = (id: string) => ({ path: { alarm_id: id as never } })

export const acknowledge = (ids: string[], note = '') => take(api.POST('/api/v1/staff/alarm-acknowledgements', { body: { alarm_ids: ids, note } }))
export const assign = (id: string, staffId: string) => take(api.POST('/api/v1/staff/alarms/{alarm_id}/assignments', { params: path(id), body: { staff_id: staffId } }))
export const snooze = (id: string, untilAt: string, reason: string) => take(api.POST('/api/v1/staff/alarms/{alarm_id}/snoozes', { params: path(id), body: { until_at: untilAt, reason } }))
export const clear = (id: string, reason: string) => take(api.POST('/api/v1/staff/alarms/{alarm_id}/clearances', { params: path(id), body: { reason } }))
export const show = (id: string) => take(api.GET('/api/v1/staff/alarms/{alarm_id}', { params: path(id) }))

/** How the kinds of a day look: a mark and a word, never colour alone. */
import type { Schemas } from '../../api/client'

export type DayKind = Schemas['CalendarDay']['kind']

export const KIND_LOOKS: Record<DayKind, { mark: string; word: string }> = {
  holiday: { mark: '休', word: '节假日（含调休放假）' },
  make_up: { mark: '班', word: '调休上班' },
  weekend: { mark: '', word: '周末' },
  workday: { mark: '', word: '工作日' },
  unknown: { mark: '？', word: '尚未公布' },
}

export const SOURCE_WORDS: Record<Schemas['CalendarDay']['source'], string> = {
  official: '国务院办公厅通知',
  own: '本站点自定',
  file: '站点文件',
  week: '按星期',
  none: '未知：通知尚未发布或尚未收录',
}

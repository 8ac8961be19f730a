/** What a meter's row means for people: its one state, in words, shape and colour. */

import { ageS } from './words.js';

export const STALE_S = 150; // Two polling rounds and a little: shown in grey.
const UNKNOWN_S = 300; // Older than this says nothing about now.

/** Words, shape and order of the filters. Colour never speaks alone. */
export const STATES = {
  off: { word: '已断电', shape: '■' },
  pending: { word: '待回读', shape: '◐' },
  soon: { word: '即将断电', shape: '▲▲' },
  low: { word: '余额低', shape: '▲' },
  kept: { word: '保电中', shape: '◆' },
  offline: { word: '离线', shape: '✕' },
  fine: { word: '正常', shape: '●' },
};

export const RELAYS = { ON: '合', OFF: '分', PERMITTED: '合闸允许', UNKNOWN: '未知' };
export const REASONS = { safety: '紧急断电', staff: '人工断电', power_limit: '超功率限值', arrears: '欠费' };
export const HOLDS = {
  keep_supply: '保电中', not_armed: '未启用自动断电', doubt: '数据存疑', band: '余额在恢复线之下',
  veto: '经理已否决', not_warned: '尚未提醒', no_proof: '提醒尚无送达回执', delay: '送达后的延时未到',
  window: '免断时段', spread: '错峰排队', open_order: '有未完成的付款', not_confirmed: '等待两次抄表确认',
  stale: '示数不够新',
};
export const STAGES = {
  sent: '已发往电表', acknowledged: '电表已应答', commanded: '已执行，未能回读触点', verified: '回读确认',
  refused: '电表拒绝', expired: '已过期', superseded: '被新指令取代', unreachable: '电表无应答，重试中',
  contradicted: '已断开但仍有电流',
};

export const isPrepaid = (row) => row.kind === 'prepaid' && row.account_id !== null;

/** An order is out and the contact was not read back: amber, never green. */
export function isPending(row) {
  return isPrepaid(row) && row.desired !== null && row.generation > 0 && !row.verified;
}

export function isOffline(row) {
  return row.silent_since_at !== null || row.shown_at === null || ageS(row.shown_at) > UNKNOWN_S;
}

export function isStale(row) {
  const seconds = ageS(row.shown_at);
  return seconds === null || seconds > STALE_S;
}

/** One state by precedence; the rest shows as small words beside it. */
export function stateOf(row) {
  if (isOffline(row)) return 'offline';
  if (isPending(row)) return 'pending';
  if (row.relay === 'OFF' || row.relay === 'PERMITTED') return 'off';
  if (!isPrepaid(row)) return 'fine';
  if (row.keep_supply_until !== null) return 'kept';
  if (row.in_arrears || row.level >= 2) return 'soon';
  return row.level === 1 ? 'low' : 'fine';
}

export function stateWord(row, state) {
  if (state === 'pending') return row.desired === 'OFF' ? '断电中，待回读' : '送电中，待回读';
  if (state === 'off' && row.relay === 'PERMITTED') return '待按键合闸';
  if (state === 'offline' && row.shown_at === null) return '未抄到';
  if (state === 'offline' && row.silent_since_at === null) return '数据过时';
  return STATES[state].word;
}

const OVER = { counting: '超限计时', told: '超限，将断电', unknown: '超限后未抄到', held: '超限，待人工' };

/** Facts that the one state hides. */
export function badges(row, state) {
  const found = [];
  if (state === 'offline') {
    if (row.relay === 'OFF') found.push('最后已断电');
    if (isPending(row)) found.push(row.desired === 'OFF' ? '断电中' : '送电中');
  }
  if (row.in_arrears) found.push('欠费');
  if (row.keep_supply_until !== null && state !== 'kept') found.push('保电');
  if (OVER[row.power_state]) found.push(OVER[row.power_state]);
  if (row.quarantined) found.push('待核示数');
  if (isPrepaid(row) && !row.armed) found.push('未启用断电');
  return found;
}

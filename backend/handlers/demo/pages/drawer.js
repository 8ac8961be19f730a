/** One meter in detail, beside the board: values, orders with their times, and what may be done. */

import * as api from './staff_api.js';
import * as act from './actions.js';
import { nameOf, rowOf } from './board.js';
import { HOLDS, isPending, isPrepaid, REASONS, RELAYS, STAGES, STATES, stateOf, stateWord } from './states.js';
import { age, between, clockTime, days, make, setText, thousandths, when, yuan } from './words.js';

const drawer = document.querySelector('#drawer');
const READ_TRIES = 40;
let meterId = null;
let keeps = [];
let seen = '';
let opener = null;

export const openMeter = () => meterId;

export async function openDrawer(id) {
  opener = document.activeElement;
  meterId = id;
  seen = '';
  document.body.classList.add('with-drawer');
  drawer.hidden = false;
  mark();
  await refresh();
  drawer.querySelector('.close')?.focus({ preventScroll: true });
}

export function closeDrawer() {
  if (meterId === null) return;
  meterId = null;
  drawer.hidden = true;
  drawer.replaceChildren();
  document.body.classList.remove('with-drawer');
  mark();
  opener?.focus({ preventScroll: true });
}

function mark() {
  for (const card of document.querySelectorAll('.card.open')) card.classList.remove('open');
  if (meterId) document.querySelector(`.card[data-meter="${meterId}"]`)?.classList.add('open');
}

export function takeKeeps(list) {
  keeps = list;
  if (meterId) refresh();
}

/** Fetch and show again; what the person is doing (focus, scroll) stays where it can. */
export async function refresh() {
  const id = meterId;
  if (id === null) return;
  let detail;
  try {
    detail = await api.meter(id);
  } catch (error) {
    if (seen === '') drawer.replaceChildren(closeButton(), make('p', { class: 'empty' }, error.message));
    return;
  }
  const row = rowOf(id);
  if (id !== meterId || !row) return;
  const mine = keeps.filter((keep) => keep.account_id === row.account_id && keep.state !== 'over');
  const now = JSON.stringify([row, detail, mine]);
  if (now === seen || drawer.querySelector('.held')) return;
  const focused = drawer.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const top = drawer.scrollTop;
  seen = now;
  drawer.replaceChildren(...contents(row, detail, mine));
  drawer.scrollTop = top;
  if (focused) drawer.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

function closeButton() {
  return make('button', { class: 'close', 'data-key': 'close', 'aria-label': '关闭', onclick: closeDrawer }, '✕');
}

function contents(row, detail, mine) {
  const state = stateOf(row);
  const isShop = isPrepaid(row);
  return [
    make('header', {}, make('div', {}, make('h2', {}, nameOf(row)),
      make('p', {}, `${row.shaft_name} · ${row.line} · 地址 ${row.unit} · 表号 ${row.serial}`)), closeButton()),
    make('p', { class: 'big-state', 'data-state': state }, `${STATES[state].shape} ${stateWord(row, state)}`),
    isShop ? money(row) : null,
    isShop ? supply(row, detail) : null,
    make('div', { class: 'doing control' }, buttons(row)),
    mine.length ? section('保电', mine.map(keepLine)) : null,
    isShop ? section('指令跟踪', detail.commands.length ? detail.commands.slice(0, 6).map(track) : [empty('还没有下发过指令')]) : null,
    section('示数与电气量', [registers(detail)]),
    section('最近抄表', [readings(detail.readings.slice(0, 8))]),
  ].filter((each) => each !== null);
}

const section = (title, children) => make('section', {}, make('h3', {}, title), children);
const empty = (text) => make('p', { class: 'empty' }, text);
const fact = (name, value, cls = '') => make('div', { class: `fact ${cls}` }, make('dt', {}, name), make('dd', {}, value));

function money(row) {
  return make('dl', { class: 'facts-row' },
    fact('预估可用余额', yuan(row.estimated_fen), row.estimated_fen < 0 ? 'negative strong' : 'strong'),
    fact('账面余额', yuan(row.settled_fen)), fact('还可用', days(row.days_left)));
}

function supply(row, detail) {
  const target = row.desired === null ? '—' : RELAYS[row.desired];
  const proof = isPending(row) ? `待回读（${STAGES[detail.stage] ?? '已下发，等采集服务取走'}）`
    : row.generation > 0 ? '已回读确认' : '未下过指令';
  const reasons = row.off_reasons.map((each) => REASONS[each] ?? each);
  if (row.desired === 'OFF' && !reasons.length) reasons.push(REASONS.arrears);
  return make('dl', { class: 'facts-row' },
    fact('继电器（电表所报）', `${RELAYS[row.relay]} · ${age(row.relay_at)}`),
    fact('目标', `${target} · ${proof}`, isPending(row) ? 'amber' : ''),
    reasons.length ? fact('断电原因', reasons.join('、'), 'negative') : null,
    row.in_arrears && row.desired === 'ON' && row.holds.length
      ? fact('欠费断电在等', row.holds.map((each) => HOLDS[each] ?? each).join('、'), 'amber') : null);
}

/** It shall be on, nothing is under way, and it says that it is off: the meter switched itself off. */
function isLoadTripped(row) {
  return row.desired === 'ON' && row.relay === 'OFF' && !isPending(row);
}

function buttons(row) {
  const name = nameOf(row);
  const isShop = isPrepaid(row);
  const byStaff = row.off_reasons.some((each) => each !== 'power_limit');
  const button = (key, label, permission, work, cls = '') => (api.may(permission)
    ? make('button', { 'data-key': key, class: cls, onclick: (event) => work(event.currentTarget) }, label) : null);
  const found = [
    button('read', '立即抄表', 'staff.read_now', (self) => readNow(row.meter_id, self), 'primary'),
    isShop && (row.off_reasons.length || isLoadTripped(row)) ? button('restore', '送电', 'staff.restore', () => act.askRestore(row.meter_id, name), 'primary') : null,
    isShop ? button('keep', '申请保电', 'staff.keep_supply.ask', () => act.askKeep(row.account_id, name)) : null,
    isShop && row.in_arrears && row.desired === 'ON'
      ? button('decide', '裁定断电', 'staff.decide_trip', () => act.askDecision(row.account_id, name)) : null,
    isShop ? button('code', '发绑定码', 'staff.binding_code', (self) => act.showBindingCode(row.account_id, name, self)) : null,
    isShop && !byStaff ? button('trip', '人工断电', 'staff.trip', () => act.askTrip(row.meter_id, name), 'danger-line') : null,
    isShop && !row.off_reasons.includes('safety') && api.may('staff.trip.emergency') ? emergency(row, name) : null,
  ].filter((each) => each !== null);
  return found.length ? found : [empty('您的角色只能查看')];
}

function emergency(row, name) {
  const button = act.holdButton('按住：紧急断电', (self) => act.attempt(async () => {
    await api.emergencyTrip(row.meter_id);
    await refresh();
  }, `${name} 紧急断电指令已下发；60 秒内本人可用“送电”撤销，之后须两人解除。请在 24 小时内补填原因`, self));
  button.dataset.key = 'emergency';
  return button;
}

async function readNow(id, button) {
  await act.attempt(async () => {
    setText(button, '抄表中…');
    const { read_request_id: request } = await api.readNow(id);
    for (let tries = 0; tries < READ_TRIES; tries += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 400); });
      const { state } = await api.readState(request);
      if (state === 'answered') return '抄表完成';
      if (state === 'expired') break;
    }
    throw new Error('电表还没有应答：采集服务在一分钟内会继续尝试');
  }, (text) => text, button);
  setText(button, '立即抄表');
  seen = '';
  await refresh();
}

function keepLine(keep) {
  const isOpen = keep.state === 'asked' || keep.approved_by === null;
  const status = keep.state === 'asked' ? '待审批' : keep.approved_by === null ? '已先行生效，待复核' : '已批准';
  const line = make('div', { class: 'keep control' }, make('p', {}, `${status} · 至 ${when(keep.until_at)} · ${keep.reason}`));
  if (!api.may('staff.keep_supply.approve')) return line;
  const decide = (granted, label, cls) => make('button', { class: cls, disabled: api.isMe(keep.asked_by),
    title: api.isMe(keep.asked_by) ? '本人申请，须由另一人审批' : null, onclick: (event) => act.attempt(
      () => api.decideKeep(keep.keep_supply_id, granted), granted ? '已批准保电' : '已拒绝', event.currentTarget) }, label);
  if (isOpen) line.append(decide(true, '批准', 'primary'), decide(false, '拒绝', ''));
  if (keep.state === 'kept') {
    line.append(make('button', { onclick: (event) => act.attempt(
      () => api.releaseKeep(keep.keep_supply_id), '保电已解除', event.currentTarget) }, '解除保电'));
  }
  if (isOpen && api.isMe(keep.asked_by)) line.append(make('small', {}, '本人申请，须由另一人审批'));
  return line;
}

/** One order's way. Commanded without contact bits stays amber. */
export function track(order) {
  const isDone = order.end_stage === 'verified';
  const steps = [['已下发', order.ordered_at], ['采集服务', order.sent_at], ['电表应答', order.acknowledged_at], ['回读确认', order.verified_at]];
  const ended = order.end_stage && !isDone ? STAGES[order.end_stage] : '';
  const trouble = !order.end_stage && order.trouble ? STAGES[order.trouble] : '';
  const word = order.relay === 'OFF' ? '断电' : '送电';
  const why = order.reasons.map((each) => REASONS[each] ?? each).join('、') || cause(order.cause);
  return make('div', { class: `track ${isDone ? 'done' : ended ? 'over' : 'amber'}` },
    make('p', {}, make('b', {}, `${word} · ${why}`), make('span', {}, when(order.ordered_at))),
    make('ol', {}, steps.map(([name, at], index) => make('li', { class: at ? 'reached' : '' },
      make('span', {}, name), make('small', {}, at ? (index ? `+${between(order.ordered_at, at)}` : clockTime(at)) : '等待')))),
    ended || trouble || order.commanded_at && !isDone
      ? make('p', { class: 'note' }, ended || trouble || STAGES.commanded) : null);
}

function cause(text) {
  if (text.startsWith('top_up:')) return '交费后恢复';
  if (text.startsWith('staff:')) return '物业操作';
  return '系统判定';
}

function registers(detail) {
  const names = ['尖', '峰', '平', '谷'];
  const volts = detail.electrical.voltage_mv ?? [];
  const amps = detail.electrical.current_ma ?? [];
  const phase = volts.length > 1 ? ['A 相', 'B 相', 'C 相'] : ['电压 / 电流'];
  return make('dl', { class: 'facts-row' },
    fact('总示数', `${thousandths(detail.register_wh, 2)} 度`, 'strong'), fact('倍率', String(detail.ct_ratio)),
    fact('功率', detail.power_w === null ? '—' : `${thousandths(detail.power_w, 2)} kW`),
    ...(detail.period_registers_wh ?? []).map((value, index) => fact(names[index], `${thousandths(value, 2)} 度`)),
    ...phase.map((name, index) => fact(name, volts[index] === undefined ? '—'
      : `${thousandths(volts[index], 1)} V · ${thousandths(amps[index], 2)} A`)),
    fact('费控方式', detail.forced === null ? '未知' : detail.forced ? '平台控制' : '表内自控'),
    fact('型号', detail.profile));
}

const KINDS = { poll: '定时', request: '立即', verify: '回读', frozen: '日冻结', changed: '换表', typed: '登记' };
const VERDICTS = { accepted: '已采用', first: '起始', late: '补抄', future: '待核', fallen: '待核', jumped: '待核', unused: '未用', rejected: '不采用' };

function readings(list) {
  if (!list.length) return empty('还没有抄到示数');
  const cell = (tag, ...texts) => texts.map((text) => make(tag, {}, text));
  return make('table', {}, make('thead', {}, make('tr', {}, cell('th', '时间', '方式', '示数（度）', 'kW', '继电器', '结果'))),
    make('tbody', {}, list.map((each) => make('tr', {}, cell('td', when(each.read_at), KINDS[each.kind] ?? each.kind,
      thousandths(each.register_wh, 2), each.power_w === null ? '—' : thousandths(each.power_w, 2),
      RELAYS[each.relay] ?? each.relay, VERDICTS[each.verdict] ?? each.verdict)))));
}

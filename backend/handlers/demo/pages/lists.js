/** Tasks, alarms, keep-supplies and orders of the whole site, each a tab with its count. */

import * as api from './staff_api.js';
import { askFinish, attempt } from './actions.js';
import { nameOf, rowOf, rowOfAccount } from './board.js';
import { takeKeeps, track } from './drawer.js';
import { make, setText, when } from './words.js';

const EVERY_MS = 4_000;
const SEVERITIES = { urgent: '紧急', major: '重要', minor: '提示' };
const tabs = document.querySelector('#tabs');
const panels = { tasks: taskLine, alarms: alarmLine, keeps: keepLine, orders: orderLine };
const EMPTY = { tasks: '没有待办', alarms: '没有告警', keeps: '没有保电', orders: '还没有指令' };
const seen = {};
let tab = 'board';
let openMeter = () => {};

export function startLists(onOpen) {
  openMeter = onOpen;
  tabs.addEventListener('click', (event) => {
    const button = event.target.closest('[role=tab]');
    if (button) choose(button);
  });
  tabs.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...tabs.children];
    const next = all[(all.findIndex((each) => each.dataset.tab === tab) + step + all.length) % all.length];
    next.focus();
    choose(next);
  });
  setInterval(refreshLists, EVERY_MS);
  refreshLists();
}

function choose(button) {
  tab = button.dataset.tab;
  for (const each of tabs.children) {
    const isMine = each === button;
    each.setAttribute('aria-selected', String(isMine));
    each.tabIndex = isMine ? 0 : -1;
    document.querySelector(`#${each.getAttribute('aria-controls')}`).hidden = !isMine;
  }
  refreshLists();
}

export async function refreshLists() {
  const wanted = [['tasks', api.tasks], ['alarms', api.alarms], ['keeps', api.keepSupplies]];
  if (tab === 'orders' && api.may('staff.command.view')) wanted.push(['orders', api.commands]);
  await Promise.all(wanted.map(async ([name, fetchList]) => {
    try {
      const list = await fetchList();
      fill(name, name === 'keeps' ? list.filter((keep) => keep.state !== 'over') : list);
      if (name === 'keeps') takeKeeps(list);
    } catch {
      // The bar at the top says that the link is lost; what is shown stays as it was.
    }
  }));
}

function fill(name, list) {
  const count = tabs.querySelector(`[data-tab=${name}] .count`);
  if (count) {
    setText(count, String(list.length));
    count.hidden = list.length === 0;
  }
  const now = JSON.stringify(list);
  if (seen[name] === now) return;
  seen[name] = now;
  const place = document.querySelector(`#${name}`);
  place.replaceChildren(list.length ? make('ul', { class: 'lines' }, list.map(panels[name]))
    : make('p', { class: 'empty' }, EMPTY[name]));
}

function link(row, text) {
  return row ? make('button', { class: 'link', onclick: () => openMeter(row.meter_id) }, text ?? nameOf(row)) : text ?? '';
}

function taskLine(task) {
  const done = api.may('staff.task.done')
    ? make('button', { class: 'control-button', onclick: () => askFinish(task) }, '办结') : null;
  return make('li', {}, make('div', {}, make('p', {}, task.text),
    make('small', {}, link(rowOfAccount(task.account_id)), ` ${when(task.opened_at)}`)), done);
}

/** "影响 2 条总线、70 块表、60 户"; empty for an alarm that explains nothing else. */
function reach({ gateways, lines, meters, shops }) {
  const parts = [[gateways.length, '台通讯管理机'], [lines.length, '条总线'], [meters, '块表'], [shops, '户']];
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return said.length ? ` · 影响 ${said.join('、')}` : '';
}

function alarmLine(alarm) {
  const row = alarm.meter_id ? rowOf(alarm.meter_id) : rowOfAccount(alarm.account_id);
  const again = alarm.reopened ? ` · 反复 ${alarm.reopened} 次` : '';
  const quiet = alarm.snoozed_until_at ? ` · 静音至 ${when(alarm.snoozed_until_at)}` : '';
  const seenBy = alarm.acknowledged_at ? ` · ${alarm.acknowledged_by ?? ''}已确认` : '';
  const button = !alarm.acknowledged_at && api.may('staff.alarm.handle')
    ? make('button', { class: 'control-button', onclick: async (event) => {
      await attempt(() => api.acknowledge(alarm.alarm_id), '已确认', event.currentTarget);
      refreshLists();
    } }, '确认') : null;
  return make('li', { class: alarm.severity }, make('b', { class: 'severity' }, SEVERITIES[alarm.severity] ?? alarm.severity),
    make('div', {}, make('p', {}, alarm.text), make('small', {}, link(row),
      ` ${when(alarm.since_at)} 起${reach(alarm.children)}${again}${seenBy}${quiet}`)),
    make('div', { class: 'control' }, button));
}

function keepLine(keep) {
  const status = keep.state === 'asked' ? '◇ 待审批' : keep.approved_by === null ? '◆ 先行生效，待复核' : '◆ 保电中';
  const own = keep.is_own;
  const controls = [];
  if (api.may('staff.keep_supply.approve')) {
    if (keep.state === 'asked') {
      const decide = (granted, word) => make('button', { disabled: own, class: granted ? 'primary' : '', onclick: async (event) => {
        await attempt(() => api.decideKeep(keep.keep_supply_id, granted), granted ? '已批准保电' : '已拒绝', event.currentTarget);
        refreshLists();
      } }, word);
      controls.push(decide(true, '批准'), decide(false, '拒绝'));
    } else {
      controls.push(make('button', { onclick: async (event) => {
        await attempt(() => api.releaseKeep(keep.keep_supply_id), '保电已解除', event.currentTarget);
        refreshLists();
      } }, '解除保电'));
    }
  }
  return make('li', {}, make('div', {}, make('p', {}, `${status} · `, link(rowOfAccount(keep.account_id), `${keep.shop_code} ${keep.shop_name}`)),
    make('small', {}, `至 ${when(keep.until_at)} · ${keep.reason}${own && keep.state === 'asked' ? ' · 本人申请，须由另一人审批' : ''}`)),
  make('div', { class: 'control' }, controls));
}

function orderLine(order) {
  const row = rowOf(order.meter_id);
  return make('li', { class: 'order' }, make('div', {}, link(row, row ? nameOf(row) : order.serial)), track(order));
}

/** The staff's page of the demonstration: sign in, follow the board, say when the link is lost. */

import { say } from './actions.js';
import { startBoard, takeRows } from './board.js';
import { closeDrawer, openDrawer, openMeter, refresh } from './drawer.js';
import { refreshLists, startLists } from './lists.js';
import * as api from './staff_api.js';
import { clockTime, noteServerTime, setText } from './words.js';

const ROLES = { cashier: '收银员', finance: '财务', electrician: '电工', manager: '经理', administrator: '系统管理员' };
const role = new URLSearchParams(location.search).get('role') || 'manager';
const light = document.querySelector('#link');
const lost = document.querySelector('#lost');
let dataAt = null;
let hasLists = false;

function onRows(rows, at, isWhole) {
  noteServerTime(at);
  dataAt = at;
  document.querySelector('#loading').hidden = true;
  takeRows(rows, isWhole);
  if (!hasLists) startLists(openDrawer); // Their lines name shops, so the board comes first.
  hasLists = true;
  if (openMeter() && rows.some((row) => row.meter_id === openMeter())) refresh();
}

/** Stale data look stale, and nobody switches anything by them. */
function onLink(isUp) {
  const was = document.body.classList.contains('lost');
  document.body.classList.toggle('lost', !isUp);
  lost.hidden = isUp;
  setText(light, isUp ? '● 实时' : '✕ 已断开');
  light.className = isUp ? 'up' : 'down';
  for (const place of document.querySelectorAll('.control')) place.inert = !isUp;
  if (!isUp) setText(lost, `实时连接中断，正在重连。数据截至 ${clockTime(dataAt)}，恢复前不能断送电`);
  if (isUp && was) refreshLists();
}

async function start() {
  const me = await api.signIn(role);
  setText(document.querySelector('#who'), `${me.name} · ${ROLES[role] ?? role}`);
  document.title = `${ROLES[role] ?? role} · 预电`;
  startBoard(openDrawer);
  api.followBoard(onRows, onLink, () => { if (hasLists) refreshLists(); });
  // The drawer follows its meter more often than the board's rows change: orders move by fractions of a second.
  setInterval(() => { if (openMeter()) refresh(); }, 1_000);
}

// Controls that are drawn while the link is lost are off too.
new MutationObserver(() => {
  const isLost = document.body.classList.contains('lost');
  for (const place of document.querySelectorAll('.control')) if (place.inert !== isLost) place.inert = isLost;
}).observe(document.body, { childList: true, subtree: true });

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) closeDrawer();
  if (event.key === '/' && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    document.querySelector('#search').focus();
  }
});
document.querySelector('#out').addEventListener('click', async () => {
  await api.signOut().catch(() => {});
  document.body.replaceChildren(Object.assign(document.createElement('p'), { className: 'goodbye', textContent: '已退出登录，可以关闭本页；刷新即重新登录。' }));
});
start().catch((error) => {
  setText(document.querySelector('#loading'), `无法登录：${error.message}`);
  say(error.message, true);
});

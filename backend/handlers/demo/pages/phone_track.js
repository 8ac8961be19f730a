/** The way from payment to power, live: 已付款 → 已入账 → 已下发 → 采集服务 → 电表应答 → 回读确认. */

import { follow } from './phone_api.js';
import { between, clockTime, make, serverNow, yuan } from './words.js';

const QUICK_MS = 500;
const SLOW_MS = 2_000;
const QUICK_FOR_MS = 120_000;
const GIVE_UP_MS = 900_000;
const GLANCES = 2; // A restore is ordered with the booking; a second look makes sure that none is.

let running = 0;

export function stopTracking() {
  running += 1;
}

/** Follow an order on `place`; calls `onEnd` once nothing more will come. */
export async function trackOrder(orderNo, place, onEnd) {
  running += 1;
  const mine = running;
  const began = Date.now();
  let booked = 0;
  while (mine === running && Date.now() - began < GIVE_UP_MS) {
    let view = null;
    try {
      view = await follow(orderNo);
    } catch (error) {
      if (error.status === 404) {
        place.replaceChildren(make('p', { class: 'empty' }, error.message));
        return;
      }
    }
    if (mine !== running) return;
    if (view) {
      place.replaceChildren(...contents(view));
      if (view.booked_at) booked += 1;
      const isOver = view.state === 'closed' || view.state === 'refused';
      if (isOver || view.verified_at || (booked >= GLANCES && !view.restore_needed)) {
        onEnd(view);
        return;
      }
    }
    const pause = Date.now() - began < QUICK_FOR_MS ? QUICK_MS : SLOW_MS;
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
}

function contents(view) {
  const power = [['已下发', view.ordered_at], ['采集服务', view.fetched_at], ['电表应答', view.acknowledged_at], ['回读确认', view.verified_at]];
  const steps = [['已付款', view.paid_at], ['已入账', view.booked_at], ...(view.restore_needed ? power : [])];
  const next = steps.findIndex(([, at]) => !at);
  const isDone = view.booked_at && next === -1;
  const elapsed = view.paid_at ? between(view.paid_at, isDone ? steps.at(-1)[1] : new Date(serverNow()).toISOString()) : '';
  return [
    make('p', { class: isDone ? 'result done' : 'result' }, `${isDone ? '✓ ' : ''}${view.sentence || '正在确认'}`),
    make('p', { class: 'amount' }, yuan(view.amount_fen)),
    elapsed && view.restore_needed ? make('p', { class: 'clock' }, `付款到${isDone ? '恢复供电' : '现在'}：${elapsed}`) : '',
    make('ol', { class: 'steps' }, steps.map(([name, at], index) => make('li',
      { class: at ? 'reached' : index === next ? 'next' : '' },
      make('span', { class: 'dot', 'aria-hidden': 'true' }, at ? '✓' : ''), make('span', {}, name),
      make('small', {}, at ? `${clockTime(at)}${index ? `　+${between(view.paid_at ?? at, at)}` : ''}` : index === next ? '进行中…' : '')))),
    make('p', { class: 'order-no' }, `订单号 ${view.order_no}`),
  ].filter(Boolean);
}

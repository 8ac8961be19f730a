/** The tenant's API as the phone uses it, with WeChat's sign-in and pay sheet by the simulators. */

import { Refusal, send } from './api.js';

const TENANT = '/api/v1/tenant';
let name = '';
let addresses = null;

const tokenKey = () => `prewatt.token.${name}`;

export async function start(personName) {
  name = personName;
  addresses = await send('GET', '/demo/config.json');
  if (!sessionStorage.getItem(tokenKey())) await signIn();
}

/** wx.login, then our own sign-in. */
async function signIn() {
  let code;
  try {
    ({ code } = await send('POST', `${addresses.wechat_url}/phone/login`, { body: { name } }));
  } catch (error) {
    throw error.status === 404 ? new Error(`没有“${name}”这位商户，请从演示首页选择`) : error;
  }
  const { token } = await send('POST', `${TENANT}/sign-in`, { body: { code } });
  sessionStorage.setItem(tokenKey(), token);
}

async function call(method, path, body) {
  const once = () => send(method, TENANT + path, {
    body, headers: { Authorization: `Bearer ${sessionStorage.getItem(tokenKey())}` },
  });
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
    await signIn();
    return once();
  }
}

export const home = () => call('GET', '/home');
export const bind = (code) => call('POST', '/bindings', { code });
export const follow = (orderNo) => call('GET', `/top-ups/${orderNo}`);
export const usage = (accountId, first, last) =>
  call('GET', `/accounts/${accountId}/usage?first_on=${first}&last_on=${last}`);

/** Begin a top-up. A retry of the same amount goes under the same request: it cannot begin twice. */
export async function beginTopUp(accountId, amountFen) {
  const key = `prewatt.request.${accountId}.${amountFen}`;
  const requestId = sessionStorage.getItem(key) ?? crypto.randomUUID();
  sessionStorage.setItem(key, requestId);
  try {
    const order = await call('POST', `/accounts/${accountId}/top-ups`, { amount_fen: amountFen, request_id: requestId });
    sessionStorage.removeItem(key);
    return order;
  } catch (error) {
    // A refusal is an answer; only without one do we not know whether the order was begun.
    if (error.status >= 400 && error.status < 500) sessionStorage.removeItem(key);
    throw error;
  }
}

/** Where wx.requestPayment's sheet stands for an order; it comes back here with ?result=. */
export function sheetAddress(order) {
  const back = `${location.origin}${location.pathname}?${new URLSearchParams({ name, order: order.order_no })}`;
  return `${addresses.pay_url}/phone/pay?${new URLSearchParams({ ...order.pay, back })}`;
}

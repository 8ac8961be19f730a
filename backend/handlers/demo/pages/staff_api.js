/** The staff API as this page uses it: one function per call. */

import { Refusal, send } from './api.js';

const STAFF = '/api/v1/staff';
let me = null;
let wantedRole = '';

/** Sign in by one tap, or go on with the session that stands. Returns the signed-in person. */
export async function signIn(role) {
  wantedRole = role;
  try {
    me = await send('GET', `${STAFF}/me`);
  } catch (error) {
    if (error.status !== 401) throw error;
    me = null;
  }
  if (!me || !me.roles.includes(role)) await signInAgain();
  return me;
}

async function signInAgain() {
  me = await send('POST', `${STAFF}/demo-sessions`, { body: { role: wantedRole } });
}

export function may(permission) {
  return me !== null && me.permissions.includes(permission);
}

export function isMe(staffId) {
  return me !== null && me.staff_id === staffId;
}

/** Call as the signed-in person; a session that has ended is opened once more. */
export async function call(method, path, body) {
  const once = () => send(method, path, { body, headers: { 'X-CSRF-Token': me.csrf_token } });
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
    await signInAgain();
    return once();
  }
}

export const signOut = () => call('DELETE', `${STAFF}/sessions/current`);
export const meter = (id) => call('GET', `${STAFF}/meters/${id}`);
export const tasks = () => call('GET', `${STAFF}/tasks`);
export const alarms = () => call('GET', `${STAFF}/alarms`);
export const acknowledge = (id) => call('POST', `${STAFF}/alarms/${id}/acknowledgements`, {});
export const keepSupplies = () => call('GET', `${STAFF}/keep-supplies`);
export const commands = async () => (await call('GET', `${STAFF}/commands?limit=60`)).commands;
export const totp = () => call('GET', '/api/v1/demo/totp');
export const readNow = (id) => call('POST', `${STAFF}/meters/${id}/reads`);
export const readState = (id) => call('GET', `${STAFF}/reads/${id}`);
export const trip = (id, reason, code) => call('POST', `${STAFF}/meters/${id}/trips`, { reason, totp: code });
export const emergencyTrip = (id) => call('POST', `${STAFF}/meters/${id}/emergency-trips`, { reason: '' });
export const restore = (id, reason) => call('POST', `${STAFF}/meters/${id}/restores`, { reason });
export const askKeep = (id, until, reason) =>
  call('POST', `${STAFF}/accounts/${id}/keep-supplies`, { until_at: until, reason });
export const decideKeep = (id, granted) => call('POST', `${STAFF}/keep-supplies/${id}/decisions`, { granted });
export const releaseKeep = (id) => call('DELETE', `${STAFF}/keep-supplies/${id}`);
export const decideTrip = (id, isTrip, reason, code) =>
  call('POST', `${STAFF}/accounts/${id}/trip-decisions`, { trip: isTrip, reason, totp: code });
export const bindingCode = (id) => call('POST', `${STAFF}/accounts/${id}/binding-codes`);
export const finishTask = (id, note) => call('POST', `${STAFF}/tasks/${id}/done`, { note });

/**
 * Follow the board. onRows(rows, at, isWhole) for data, onLink(isUp) for the stream itself.
 * The browser comes back by itself after a cut; a refusal ends that, so we begin anew.
 */
export function followBoard(onRows, onLink, onAlarms) {
  const SILENT_MS = 40_000;
  const AGAIN_MS = 2_000;
  let source = null;
  let heardAt = Date.now();
  const open = () => {
    heardAt = Date.now();
    source = new EventSource(`${STAFF}/board/stream`);
    const heard = (isWhole) => (event) => {
      heardAt = Date.now();
      const board = JSON.parse(event.data);
      onRows(board.rows ?? [], board.at, isWhole);
      onLink(true);
    };
    source.addEventListener('board', heard(true));
    source.addEventListener('rows', heard(false));
    source.addEventListener('beat', heard(false));
    source.addEventListener('alarms', (event) => {
      heard(false)(event);
      onAlarms();
    });
    source.onerror = () => {
      onLink(false);
      source.close();
      setTimeout(comeBack, AGAIN_MS);
    };
  };
  const comeBack = async () => {
    try {
      await call('GET', `${STAFF}/me`);
      open();
    } catch {
      setTimeout(comeBack, AGAIN_MS);
    }
  };
  setInterval(() => {
    if (source.readyState === EventSource.OPEN && Date.now() - heardAt > SILENT_MS) source.onerror();
  }, 5_000);
  open();
}

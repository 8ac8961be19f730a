/** Calls to the product's API: one way for all, refusals as sentences for people. */

import { noteServerTime } from './words.js';

export class Refusal extends Error {
  constructor(status, content) {
    const first = content?.fields && Object.values(content.fields)[0];
    super(first ?? content?.message ?? '没有得到答复，请检查网络后重试');
    this.status = status;
    this.code = content?.code ?? '';
    this.requestId = content?.request_id ?? '';
  }
}

/** Call `path`; returns the JSON value, or null for an empty answer. Throws Refusal. */
export async function send(method, path, { body, headers = {} } = {}) {
  const options = { method, headers: { ...headers }, cache: 'no-store' };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(0, null);
  }
  noteServerTime(answer.headers.get('X-Server-Time'));
  const text = await answer.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    content = { message: '服务器的答复无法识别' };
  }
  if (!answer.ok) throw new Refusal(answer.status, content);
  return content;
}

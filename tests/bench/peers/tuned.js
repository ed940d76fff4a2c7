// A worker that is made fast: calls at the same time, answers kept for FRESHNESS_MS, the page kept
// for as long as its answers are, the key imported once and a token verified once. With
// FRESHNESS_MS=0 it keeps no answers and no pages: the guide's pattern with `Promise.all`.

import { HTML, REFUSED, keyOf, page, readsOf, redirected, tokenOf, verified } from './page.js'

const MOST_KEPT = 10_000
const tokens = new Map()
const answers = new Map()
const pages = new Map()
let key

function keep(map, name, value) {
  if (map.size >= MOST_KEPT) map.delete(map.keys().next().value)
  map.delete(name)
  map.set(name, value)
}

async function claimsOf(token, env) {
  const known = tokens.get(token)
  if (known !== undefined) return known.exp < Date.now() / 1000 ? null : known
  key ??= await keyOf(env.SESSION_SECRET)
  const claims = await verified(token, key)
  if (claims !== null) keep(tokens, token, claims)
  return claims
}

async function smApi(path, env) {
  const res = await fetch(env.SM_API_URL + path, {
    headers: {
      'CF-Access-Client-Id': env.SM_API_CLIENT_ID,
      'CF-Access-Client-Secret': env.SM_API_CLIENT_SECRET
    }
  })
  if (!res.ok) throw new Error('SM API error: ' + res.status)
  return (await res.json()).data
}

async function read(path, env, freshness) {
  const known = answers.get(path)
  if (known !== undefined && known.until > Date.now()) return known
  const read = { data: await smApi(path, env), until: Date.now() + freshness }
  if (freshness > 0) keep(answers, path, read)
  return read
}

export default {
  async fetch(request, env) {
    const freshness = Number(env.FRESHNESS_MS)
    const token = tokenOf(request.headers.get('Cookie'))
    const claims = token && (await claimsOf(token, env))
    if (!claims) return redirected()
    if (!claims.products.includes('mode')) return new Response('Forbidden', REFUSED)
    const { pathname } = new URL(request.url)
    const name = claims.id + pathname
    const kept = pages.get(name)
    if (kept !== undefined && kept.until > Date.now()) return new Response(kept.html, { headers: HTML })
    const found = await Promise.all(readsOf(pathname, claims).map((path) => read(path, env, freshness)))
    const html = page(pathname, claims, found.map((one) => one.data))
    const until = Math.min(...found.map((one) => one.until))
    if (freshness > 0) keep(pages, name, { html, until })
    return new Response(html, { headers: HTML })
  }
}

// The guide's `_worker.js` pattern: one call after the other, nothing kept, the key imported each
// time. With `READS=all` it reads all that the portal's home page does, still in the guide's way.

import { HTML, REFUSED, allReadsOf, keyOf, page, readsOf, redirected, tokenOf, verified } from './page.js'

async function smApi(path, env, options = {}) {
  const res = await fetch(env.SM_API_URL + path, {
    method: options.method || 'GET',
    headers: {
      'Content-Type': 'application/json',
      'CF-Access-Client-Id': env.SM_API_CLIENT_ID,
      'CF-Access-Client-Secret': env.SM_API_CLIENT_SECRET,
      ...(options.headers || {})
    },
    body: options.body ? JSON.stringify(options.body) : undefined
  })
  if (!res.ok) throw new Error('SM API error: ' + res.status)
  return res.json()
}

export default {
  async fetch(request, env) {
    const token = tokenOf(request.headers.get('Cookie'))
    const claims = token && (await verified(token, await keyOf(env.SESSION_SECRET)))
    if (!claims) return redirected()
    if (!claims.products.includes('mode')) return new Response('Forbidden', REFUSED)
    const { pathname } = new URL(request.url)
    const paths = env.READS === 'all' && pathname === '/' ? allReadsOf(claims) : readsOf(pathname, claims)
    const answers = []
    for (const path of paths) answers.push((await smApi(path, env)).data)
    return new Response(page(pathname, claims, answers), { headers: HTML })
  }
}

// The guide's pattern on Hono and Node: the same calls and the same page as guide.js.

import { serve } from '@hono/node-server'
import { Hono } from 'hono'

import { HTML, keyOf, page, readsOf, tokenOf, verified } from './page.js'

const { PORT, SESSION_SECRET, SM_API_CLIENT_ID, SM_API_CLIENT_SECRET, SM_API_URL } = process.env
const app = new Hono()

async function smApi(path) {
  const res = await fetch(SM_API_URL + path, {
    headers: {
      'Content-Type': 'application/json',
      'CF-Access-Client-Id': SM_API_CLIENT_ID,
      'CF-Access-Client-Secret': SM_API_CLIENT_SECRET
    }
  })
  if (!res.ok) throw new Error('SM API error: ' + res.status)
  return res.json()
}

app.get('*', async (c) => {
  const token = tokenOf(c.req.header('Cookie'))
  const claims = token && (await verified(token, await keyOf(SESSION_SECRET)))
  if (!claims) return c.redirect('/auth/login')
  if (!claims.products.includes('mode')) return c.text('Forbidden', 403)
  const answers = []
  for (const path of readsOf(c.req.path, claims)) answers.push((await smApi(path)).data)
  return c.body(page(c.req.path, claims, answers), 200, HTML)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(PORT) })

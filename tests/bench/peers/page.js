// What every peer has in common: whose session it is, what a page reads, and its HTML.
// No framework: only what the guide's pattern needs, on Web standards alone.

const NAMED = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escaped(value) {
  const text = String(value ?? '')
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (one) => NAMED[one]) : text
}

function bytesOf(segment) {
  const binary = atob(segment.replace(/-/g, '+').replace(/_/g, '/'))
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

export function tokenOf(cookieHeader) {
  const match = /(?:^|;\s*)sm_client=([^;]+)/.exec(cookieHeader ?? '')
  return match === null ? null : match[1]
}

export function keyOf(secret) {
  const raw = new TextEncoder().encode(secret)
  return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

// The claims of a good token, else null (sm-api §4).
export async function verified(token, key) {
  const [header, payload, signature] = token.split('.')
  if (signature === undefined) return null
  const signed = new TextEncoder().encode(`${header}.${payload}`)
  if (!(await crypto.subtle.verify('HMAC', key, bytesOf(signature), signed))) return null
  const claims = JSON.parse(new TextDecoder().decode(bytesOf(payload)))
  return claims.exp < Date.now() / 1000 ? null : claims
}

export function redirected() {
  return new Response(null, { status: 302, headers: { Location: '/auth/login' } })
}

export const REFUSED = { status: 403, headers: { 'Content-Type': 'text/plain' } }

// What a page asks SM API for: the company, and the list or record that the page is about.
export function readsOf(path, claims) {
  const own = `company_id=${claims.company_id}&product=mode`
  const company = `/api/companies/${claims.company_id}`
  const [, section, id] = path.split('/')
  if (id !== undefined) return [company, `/api/${section}/${id}`]
  switch (section) {
    case 'invoices':
    case 'statement':
      return [company, `/api/invoices?${own}&limit=500`]
    case 'activity':
      return [company, `/api/activities?${own}&limit=500`]
    case 'team':
      return [company, `/api/contacts?${own}&limit=100`]
    case 'account':
      return [company, `/api/contacts/${claims.id}`]
    default:
      return [company, `/api/engagements?${own}`]
  }
}

// All that the portal's own home page reads, for the peer that answers with as much.
export function allReadsOf(claims) {
  const own = `company_id=${claims.company_id}&product=mode`
  return [
    ...readsOf('/', claims),
    `/api/contacts/${claims.id}`,
    `/api/invoices?${own}&limit=500`,
    `/api/activities?${own}&limit=500`,
    `/api/activities?${own}&type=access_review`
  ]
}

const LINKS = ['engagements', 'invoices', 'statement', 'activity', 'team', 'calendar', 'account']

function shell(title, claims, company, main) {
  const items = LINKS.map(
    (name) => `
        <li class="nav-item"><a class="nav-link" href="/${name}">
          <svg class="nav-icon" width="18" height="18" viewBox="0 0 24 24" aria-hidden="true">
            <rect x="3" y="3" width="18" height="18" rx="4"/><path d="M8 9h8M8 14h6"/></svg>
          <span class="nav-label">${name[0].toUpperCase() + name.slice(1)}</span></a></li>`
  ).join('')
  return `<!doctype html>
<html lang="en" data-product="mode" data-theme="light">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escaped(title)} · ${escaped(company.name)} · Mode</title>
  <link rel="icon" href="/static/favicon.svg">
  <link rel="stylesheet" href="/static/css/tokens.css">
  <link rel="stylesheet" href="/static/css/base.css">
  <link rel="stylesheet" href="/static/css/layout.css">
  <link rel="stylesheet" href="/static/css/components.css">
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="header"><a class="brand" href="/">Mode</a>
    <p class="company">${escaped(company.name)}</p>
    <p class="person">${escaped(claims.name)} <span>${escaped(claims.email)}</span></p>
    <form method="post" action="/auth/logout"><button>Sign out</button></form></header>
  <div class="shell">
    <nav class="nav" aria-label="Main"><ul>${items}</ul></nav>
    <main id="main" tabindex="-1"><h1>${escaped(title)}</h1>${main}</main>
  </div>
  <footer class="footer"><p>Questions? <a href="mailto:support@example.com">Write to us</a></p></footer>
  <script type="module" src="/static/app.js"></script>
</body>
</html>`
}

const SHOWN = Object.entries({
  engagement_type: 'Kind',
  plain_status: 'How it stands',
  start_date: 'Start',
  end_date: 'End',
  contract_renewal_date: 'Renewal',
  deliverables: 'Deliverables',
  domain: 'Domain',
  industry: 'Industry',
  amount: 'Amount',
  currency: 'Currency',
  issued_date: 'Issued',
  due_date: 'Due',
  paid_date: 'Paid',
  activity_type: 'What',
  description: 'More',
  created_at: 'When',
  title: 'Title',
  email: 'Address',
  phone: 'Telephone',
  portal_role: 'Role'
})

function seats(record) {
  const tags = [...(record.team_members ?? []).map((seat) => seat.role), ...(record.tools ?? [])]
  if (tags.length === 0) return ''
  return `<ul class="tags">${tags
    .map((tag) => `<li class="tag"><span class="tag-label">${escaped(tag)}</span></li>`)
    .join('')}</ul>`
}

function card(record) {
  const name = record.name ?? record.full_name ?? record.invoice_number ?? record.title
  const rows = SHOWN
    .filter(([field]) => record[field] !== undefined && record[field] !== null)
    .map(
      ([field, label]) => `
      <div class="fact"><dt class="fact-label">${label}</dt>
        <dd class="fact-value">${escaped(record[field])}</dd></div>`
    )
    .join('')
  return `
  <article class="card" id="${escaped(record.id)}">
    <header class="card-head"><h2 class="card-title">${escaped(name)}</h2>
      <span class="pill pill-${escaped(record.status)}">${escaped(record.status)}</span></header>
    <dl class="facts">${rows}</dl>${seats(record)}
  </article>`
}

// `data` of each answer: a record, a list of them, or a page of one (sm-api §1).
function records(data) {
  return Array.isArray(data) ? data : (data.items ?? [data])
}

export function page(path, claims, [company, ...answers]) {
  const main = answers.flatMap(records).map(card).join('')
  const summary = `<section class="summary" aria-label="Company">${card(company)}</section>`
  return shell(path === '/' ? 'Overview' : path.split('/')[1], claims, company, summary + main)
}

export const HTML = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff'
}

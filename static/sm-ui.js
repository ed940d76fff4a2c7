// Browser helpers of the portals, import-mapped as "@nomadahq/sm-ui".
//
//   import { api } from "@nomadahq/sm-ui";
//   const { data: contacts } = await api("/api/contacts", { company_id: "co_abc123" });
//   await api("/api/activities", null, { method: "POST", body: { activity_type: "report_viewed" } });
//
// Cookies go along; the parsed envelope comes back whatever the status. Nothing is thrown.

const VERBS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

// Published clients disagree on the second argument: the guide has (path, params, options), the
// package (path, options). An object with a body, or whose method is a verb, is options.
function readArguments(params, options) {
  if (options === undefined && looksLikeOptions(params)) {
    return [null, params];
  }
  return [params ?? null, options ?? {}];
}

function looksLikeOptions(value) {
  if (value === null || typeof value !== "object") return false;
  return "body" in value || VERBS.has(String(value.method ?? "").toUpperCase());
}

function withQuery(path, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== null && value !== undefined) query.append(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

/** Call the portal's API. A call with a body is never sent as a GET. */
export async function api(path, params, options) {
  const [query, { method, body }] = readArguments(params, options);
  const hasBody = body !== undefined && body !== null;
  const verb = (method ?? (hasBody ? "POST" : "GET")).toUpperCase();
  if (hasBody && (verb === "GET" || verb === "HEAD")) {
    return { ok: false, error: `A ${verb} cannot carry a body` };
  }
  try {
    const answer = await fetch(withQuery(path, query), {
      method: verb,
      credentials: "include",
      redirect: "error",
      headers: { Accept: "application/json", ...(hasBody && { "Content-Type": "application/json" }) },
      body: hasBody ? JSON.stringify(body) : undefined,
    });
    return await answer.json();
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

let session;

/** Who is signed in: the session, { denied: true } when not allowed here, or null. Asked once. */
export function fetchSession() {
  session ??= fetch("/api/auth/me", { credentials: "include", headers: { Accept: "application/json" } })
    .then(async (answer) => {
      if (answer.status === 403) return { denied: true };
      const body = await answer.json();
      return body.ok === true ? body : null;
    })
    .catch(() => null);
  return session;
}

/** Ask again next time. */
export function clearSession() {
  session = undefined;
}

/** An amount in major units. Unlike older releases it never guesses that a number means cents. */
export function formatCurrency(amount, currency = "USD", locale = undefined) {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount ?? 0);
}

/** A calendar day, "May 13, 2026"; "--" for nothing. */
export function formatDate(value, locale = "en-US") {
  if (!value) return "--";
  const dayOnly = /^\d{4}-\d{2}-\d{2}$/.test(value);
  const moment = new Date(dayOnly ? `${value}T00:00:00Z` : value);
  if (Number.isNaN(moment.getTime())) return "--";
  const options = { year: "numeric", month: "short", day: "numeric" };
  return moment.toLocaleDateString(locale, dayOnly ? { ...options, timeZone: "UTC" } : options);
}

/** "just now", "5m ago", "3h ago", "2d ago". */
export function formatRelative(value, now = Date.now()) {
  const minutes = Math.floor((now - new Date(value).getTime()) / 60_000);
  if (!Number.isFinite(minutes)) return "--";
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes}m ago`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)}h ago` : `${Math.floor(minutes / 1440)}d ago`;
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text made safe to stand in HTML. */
export function escapeHtml(text) {
  return String(text ?? "").replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

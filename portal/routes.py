"""The whole URL table."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount, Route, Router

from portal.accent import PATH as ACCENT_CSS
from portal.accent import accent_css
from portal.assets import HashedFiles
from portal.health import healthz, readyz
from portal.later import later
from portal.live.stream import live_events
from portal.page_memo import Besides, each_of, kept
from portal.pages.access_review import review_entries, review_in_view
from portal.pages.home import home
from portal.pages.last_visit import visit_entries, visit_in_view
from portal.pages.questions import question_entries, question_in_view
from portal.scrape import metrics
from portal.security_txt import PATH as SECURITY_TXT
from portal.security_txt import security_txt
from portal.speculation import PATH as SPECULATION_RULES
from portal.speculation import speculation_rules
from portal.templating import STATIC_DIR

(openapi_json,) = later("portal.api.openapi", "openapi_json")
(portal_config,) = later("portal.api.portal_config", "portal_config")
read_list, read_one = later("portal.api.reads", "read_list", "read_one")
patch_contact, patch_profile, post_activity, post_company, read_profile = later(
    "portal.api.writes",
    "patch_contact",
    "patch_profile",
    "post_activity",
    "post_company",
    "read_profile",
)
(choose_company,) = later("portal.auth.choice", "choose_company")
callback, start = later("portal.auth.google.sso", "callback", "start")
(choose_language,) = later("portal.auth.language", "choose_language")
check_mail, enter_code, login_page, open_link, press_button, request_link = later(
    "portal.auth.login",
    "check_mail",
    "enter_code",
    "login_page",
    "open_link",
    "press_button",
    "request_link",
)
logout, logout_everywhere = later("portal.auth.logout", "logout", "logout_everywhere")
(me,) = later("portal.auth.me", "me")
(calendar_feed,) = later("portal.documents.calendar_feed", "calendar_feed")
(invoice_pdf,) = later("portal.documents.invoice_pdf", "invoice_pdf")
(my_data,) = later("portal.documents.my_data", "my_data")
(statement_csv,) = later("portal.documents.statement_csv", "statement_csv")
(statement_pdf,) = later("portal.documents.statement_pdf", "statement_pdf")
(choose_notices,) = later("portal.notices.page", "choose_notices")
ask_to_unsubscribe, unsubscribe = later(
    "portal.notices.unsubscribe", "ask_to_unsubscribe", "unsubscribe"
)
(download,) = later("portal.packs.download", "download")
(events,) = later("portal.packs.events", "events")
complete_review, review = later("portal.pages.access_review", "complete_review", "review")
account, end_sign_in = later("portal.pages.account", "account", "end_sign_in")
(activity,) = later("portal.pages.activity", "activity")
calendar, change_calendar = later("portal.pages.calendar", "calendar", "change_calendar")
engagement, engagements = later("portal.pages.engagements", "engagement", "engagements")
(explain,) = later("portal.pages.explain", "explain")
ask_about_invoice, invoice, invoices, invoices_csv = later(
    "portal.pages.invoices", "ask_about_invoice", "invoice", "invoices", "invoices_csv"
)
change_profile, choose_theme = later("portal.pages.profile", "change_profile", "choose_theme")
(search,) = later("portal.pages.search", "search")
(statement,) = later("portal.pages.statement", "statement")
ask, team = later("portal.pages.team", "ask", "team")
check_invoice, verify = later("portal.pages.verify", "check_invoice", "verify")
cancel_year_pack, delete_year_pack, go_on_with_year_pack, start_year_pack, year_pack, year_packs = (
    later(
        "portal.pages.year_pack",
        "cancel_year_pack",
        "delete_year_pack",
        "go_on_with_year_pack",
        "start_year_pack",
        "year_pack",
        "year_packs",
    )
)
(clients,) = later("portal.staff.clients", "clients")
(company_page,) = later("portal.staff.company", "company_page")
change_access, confirm_access, contact_page = later(
    "portal.staff.contact", "change_access", "confirm_access", "contact_page"
)
exit_view_as, view_as = later("portal.staff.preview", "exit_view_as", "view_as")

BESIDE_HOME = each_of(
    Besides(visit_entries, visit_in_view), Besides(review_entries, review_in_view)
)
BESIDE_TEAM = Besides(review_entries, review_in_view)
BESIDE_INVOICE = Besides(question_entries, question_in_view)
AUTH = [
    Route("/me", me, name="me"),
    Route("/magic", request_link, methods=["POST"], name="request_link"),
    Route("/verify-code", enter_code, methods=["POST"], name="verify_code"),
    Route("/logout", logout, methods=["GET", "POST"], name="logout"),
    Route("/logout-everywhere", logout_everywhere, methods=["POST"], name="logout_everywhere"),
    Route("/view-as", view_as, methods=["POST"], name="view_as"),
    Route("/exit-view-as", exit_view_as, methods=["POST"], name="exit_view_as"),
    Route("/sso/google", start, name="google"),
    Route("/sso/google/callback", callback, name="google_callback"),
    Route("/language", choose_language, methods=["POST"], name="choose_language"),
    Route("/login", login_page, name="login"),
    Route("/check-mail", check_mail, name="check_mail"),
    Route("/magic/verify", open_link, methods=["GET"], name="open_link"),
    Route("/magic/verify", press_button, methods=["POST"], name="press_button"),
    Route("/choose-company", choose_company, methods=["POST"], name="choose_company"),
]

API = [
    Route("/openapi.json", openapi_json, methods=["GET"], name="openapi"),
    Route("/portal/config", portal_config, methods=["GET"], name="portal_config"),
    Route("/profile", read_profile, methods=["GET"], name="profile"),
    Route("/profile", patch_profile, methods=["PATCH"], name="patch_profile"),
    Route("/companies", post_company, methods=["POST"], name="post_company"),
    Route("/activities", post_activity, methods=["POST"], name="post_activity"),
    Route("/contacts/{id}", patch_contact, methods=["PATCH"], name="patch_contact"),
    Route("/{collection}", read_list, methods=["GET"], name="read_list"),
    Route("/{collection}/{id}", read_one, methods=["GET"], name="read_one"),
]

ROUTES: list[BaseRoute] = [
    # Sign-in, also under /api/auth for browser code (sm-api §5).
    Mount("/auth", app=Router(AUTH, redirect_slashes=False)),
    Mount("/api/auth", app=Router(AUTH, redirect_slashes=False), name="api_auth"),
    # A client's pages.
    Route("/", kept(home, besides=BESIDE_HOME), name="home"),
    Route("/engagements", kept(engagements), name="engagements"),
    Route("/engagements/{id}", kept(engagement), name="engagement"),
    Route("/invoices", kept(invoices), name="invoices"),
    Route("/invoices.csv", invoices_csv, name="invoices_csv"),
    Route("/invoices/{id}.pdf", invoice_pdf, methods=["GET"], name="invoice_pdf"),
    Route("/invoices/{id}", kept(invoice, besides=BESIDE_INVOICE), name="invoice"),
    Route("/invoices/{id}/question", ask_about_invoice, methods=["POST"], name="ask_question"),
    Route("/statement", kept(statement), methods=["GET"], name="statement"),
    Route("/statement.pdf", statement_pdf, methods=["GET"], name="statement_pdf"),
    Route("/statement.csv", statement_csv, methods=["GET"], name="statement_csv"),
    Route("/year-pack", year_packs, methods=["GET"], name="year_packs"),
    Route("/year-pack", start_year_pack, methods=["POST"], name="start_year_pack"),
    Route("/year-pack/{id}.zip", download, methods=["GET"], name="year_pack_zip"),
    Route("/year-pack/{id}/events", events, methods=["GET"], name="year_pack_events"),
    Route("/year-pack/{id}/go-on", go_on_with_year_pack, methods=["POST"], name="go_on_year_pack"),
    Route("/year-pack/{id}/cancel", cancel_year_pack, methods=["POST"], name="cancel_year_pack"),
    Route("/year-pack/{id}/delete", delete_year_pack, methods=["POST"], name="delete_year_pack"),
    Route("/year-pack/{id}", year_pack, methods=["GET"], name="year_pack"),
    Route("/activity", kept(activity), name="activity"),
    Route("/explain/{figure}", kept(explain), methods=["GET"], name="explain"),
    Route("/search", kept(search), methods=["GET"], name="search"),
    Route("/team", kept(team, besides=BESIDE_TEAM), methods=["GET"], name="team"),
    Route("/team/requests", ask, methods=["POST"], name="ask_for_access"),
    Route("/team/review", review, methods=["GET"], name="access_review"),
    Route("/team/review", complete_review, methods=["POST"], name="complete_access_review"),
    Route("/account", account, methods=["GET"], name="account"),
    Route("/account", change_profile, methods=["POST"], name="change_profile"),
    Route("/account/data.json", my_data, methods=["GET"], name="my_data"),
    Route("/account/theme", choose_theme, methods=["POST"], name="choose_theme"),
    Route("/account/end-sign-in", end_sign_in, methods=["POST"], name="end_sign_in"),
    Route("/account/notices", choose_notices, methods=["POST"], name="choose_notices"),
    # From a mail, signed in or not.
    Route("/notices/unsubscribe", ask_to_unsubscribe, methods=["GET"], name="ask_to_unsubscribe"),
    Route("/notices/unsubscribe", unsubscribe, methods=["POST"], name="unsubscribe"),
    Route("/calendar", calendar, methods=["GET"], name="calendar"),
    Route("/calendar", change_calendar, methods=["POST"], name="change_calendar"),
    Route("/calendar/feed/{token}.ics", calendar_feed, methods=["GET"], name="calendar_feed"),
    # For whoever holds an invoice: is it ours?
    Route("/verify", verify, methods=["GET"], name="verify"),
    Route("/verify", check_invoice, methods=["POST"], name="check_invoice"),
    Route("/live", live_events, methods=["GET"], name="live"),
    # Sprint Mode's own people.
    Route("/staff", clients, name="staff"),
    Route("/staff/companies/{id}", company_page, name="staff_company"),
    Route("/staff/contacts/{id}", contact_page, name="staff_contact"),
    Route("/staff/contacts/{id}/access", confirm_access, methods=["GET"], name="confirm_access"),
    Route("/staff/contacts/{id}/access", change_access, methods=["POST"], name="change_access"),
    # For browser code: SM API's shapes, scoped to whoever is signed in.
    Mount("/api", app=Router(API, redirect_slashes=False), name="api"),
    # The worker itself.
    Route("/healthz", healthz, name="healthz"),
    Route("/readyz", readyz, name="readyz"),
    Route("/metrics", metrics, methods=["GET"], name="metrics"),
    Route(SPECULATION_RULES, speculation_rules, name="speculation_rules"),
    Route(ACCENT_CSS, accent_css, methods=["GET"], name="accent_css"),
    Route(SECURITY_TXT, security_txt, name="security_txt"),
    Mount("/static", HashedFiles(directory=STATIC_DIR), name="static"),
]

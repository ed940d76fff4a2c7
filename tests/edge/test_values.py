from __future__ import annotations

import pytest

from portal.edge import values

STAGES = (("B", ("x", "phase_started:B 2")), ("A", ()))


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (values.text, "  Mode ", "Mode"),
        (values.slug, "mode", "mode"),
        (values.secret, " as it is ", " as it is "),
        (values.signing_secret, "x" * 32, "x" * 32),
        (values.one_of("lax", "none"), " None ", "none"),
        (values.whole_number(1, 90), 7, 7),
        (values.whole_number(1, 90), " 90 ", 90),
        (values.words, ["a", "b", "a"], ("a", "b")),
        (values.words, "a, b\n c,", ("a", "b", "c")),
        (values.words, "", ()),
        (values.words, [], ()),
        (
            values.named_secrets,
            [f"b:{'x' * 16}", "0:" + "ł" * 8],
            (("B", "x" * 16), ("0", "ł" * 8)),
        ),
        (values.stages, {}, ()),
        (values.stages, "{}", ()),
        (values.stages, {"B": ["x", "phase_started:B 2"], "A": []}, STAGES),
        (values.stages, '{"B": ["x", "phase_started:B 2"], "A": []}', STAGES),
        (values.domains, "SprintMode.ai", ("sprintmode.ai",)),
        (values.cookie_domain, ".SprintMode.ai", ".sprintmode.ai"),
        (values.origin, "https://Mode.Sprintmode.ai/", "https://mode.sprintmode.ai"),
        (values.origin, "https://mode.sprintmode.ai:443", "https://mode.sprintmode.ai"),
        (values.origin, "http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        (values.origin, "http://[::1]:8787", "http://[::1]:8787"),
        (values.web_address, "https://api.sprintmode.ai/", "https://api.sprintmode.ai"),
        (values.web_address, "http://127.0.0.1:8788/google/x", "http://127.0.0.1:8788/google/x"),
        (values.smtp_address, "smtp://127.0.0.1:8725", "smtp://127.0.0.1:8725"),
        (values.smtp_address, "smtp+starttls://u:p%40@h:587", "smtp+starttls://u:p%40@h:587"),
        (values.mailbox, "Mode <a@b.example>", "Mode <a@b.example>"),
        (values.mailbox, "a@b.example", "a@b.example"),
        (values.time_zone, "Europe/Warsaw", "Europe/Warsaw"),
        (values.locale, "es-MX", "es_MX"),
    ],
)
def test_a_usable_value_is_given_in_the_form_the_code_uses(
    read: values.Reader, given: object, expected: object
) -> None:
    assert read(given) == expected


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (values.text, 3),
        (values.slug, "mode portal"),
        (values.slug, "-mode"),
        (values.secret, 123456),
        (values.signing_secret, "x" * 31),
        (values.signing_secret, None),
        (values.one_of("lax", "none"), "loose"),
        (values.one_of("lax", "none"), True),
        (values.whole_number(1, 90), 0),
        (values.whole_number(1, 90), 91),
        (values.whole_number(0, 1), True),
        (values.whole_number(1, 90), 7.0),
        (values.whole_number(1, 90), "seven"),
        (values.whole_number(1, 90), "\u0667"),
        (values.whole_number(1, 90), "9" * 5000),
        (values.words, 3),
        (values.named_secrets, 3),
        (values.named_secrets, []),
        (values.named_secrets, [1]),
        (values.named_secrets, ["U:" + "x" * 16]),
        (values.named_secrets, ["A:" + "x" * 15]),
        (values.words, ["a", 1]),
        (values.words, ["two words"]),
        (values.words, {"a": 1}),
        (values.stages, ["scan_completed"]),
        (values.stages, "Build, Run"),
        (values.stages, "[]"),
        (values.stages, None),
        (values.stages, {"Build": "phase_started"}),
        (values.stages, {"Build": ["two words"]}),
        (values.stages, {"Build": ["phase_started:"]}),
        (values.stages, {"Build": ["phase_started: "]}),
        (values.stages, {"Build": ["mode:phase_started:Build"]}),
        (values.stages, {"Build": [1]}),
        (values.stages, {"": ["milestone"]}),
        (values.stages, {"Build": ["milestone"], "Run": ["milestone"]}),
        (values.stages, {"Build": ["phase_started:x"], "Run": ["phase_started:X"]}),
        (values.domains, ["localhost"]),
        (values.domains, ["@sprintmode.ai"]),
        (values.domains, 3),
        (values.cookie_domain, "https://sprintmode.ai"),
        (values.cookie_domain, "..sprintmode.ai"),
        (values.cookie_domain, ".127.0.0.1"),
        (values.cookie_domain, 3),
        (values.origin, "mode.sprintmode.ai"),
        (values.origin, "https://mode.sprintmode.ai/portal"),
        (values.origin, "https://mode.sprintmode.ai?x=1"),
        (values.origin, "https://mode.sprintmode.ai#x"),
        (values.origin, "https://user@mode.sprintmode.ai"),
        (values.origin, "ftp://mode.sprintmode.ai"),
        (values.origin, "https://"),
        (values.origin, "https://mode.sprintmode.ai:port"),
        (values.origin, "https://mode.sprintmode.ai:99999"),
        (values.origin, "https://mode .sprintmode.ai"),
        (values.origin, "https://[::1"),
        (values.origin, 8787),
        (values.web_address, "https://key:secret@api.sprintmode.ai"),
        (values.web_address, "/api"),
        (values.smtp_address, "mail.example.com:25"),
        (values.smtp_address, "http://mail.example.com"),
        (values.smtp_address, "smtp://mail.example.com/inbox"),
        (values.smtp_address, "smtp://"),
        (values.mailbox, "Mode"),
        (values.mailbox, "Mode <>"),
        (values.mailbox, "a@"),
        (values.mailbox, "@b.example"),
        (values.mailbox, "Mode <a@b.example>\r\nBcc: c@d.example"),
        (values.mailbox, None),
        (values.time_zone, "Europe/Atlantis"),
        (values.time_zone, "../../etc/passwd"),
        (values.time_zone, "Europe"),
        (values.locale, "xx_YY_ZZ"),
        (values.locale, 3),
    ],
)
def test_an_unusable_value_is_refused(read: values.Reader, given: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(given)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("smtp://user:pa:ss@host:25", "smtp://***@host:25"),
        ("smtp+starttls://user:p@ss/word@host", "smtp+starttls://***@host"),
        ("smtp://user@host", "smtp://***@host"),
        ('"user:pass@host"', '"***@host"'),
        ("smtp://127.0.0.1:8725", "smtp://127.0.0.1:8725"),
        ("Mode <no-reply@sprintmode.ai>", "Mode <no-reply@sprintmode.ai>"),
    ],
)
def test_credentials_are_masked_and_the_rest_is_kept(text: str, masked: str) -> None:
    assert values.without_credentials(text) == masked

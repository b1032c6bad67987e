"""A process that has used Django for a while: a database in memory, a compiled template, a form, a mail server that is down.

All of them are made once, before anything is patched. Two fixes of Django 4.2.16:

CVE-2024-45231: a failure to send the mail of a password reset is raised to the visitor, but only if the address belongs
to an account: who asks learns which addresses do.
CVE-2024-45230: `urlize` works through `.;.;.;` one pair a turn, so that a long one stops the process. A turn calls
`html.unescape` once; the turns are counted, not the seconds.
"""

import logging
import socket
import sys
from types import FrameType

import django
from django.conf import settings
from talk import serve

DOWN = socket.create_server(("127.0.0.1", 0))
settings.configure(
    SECRET_KEY="not a secret",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=DOWN.getsockname()[1],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [("django.template.loaders.locmem.Loader", {"subject": "Reset", "mail": "{{ token }}"})],
            },
        }
    ],
    LOGGING_CONFIG=None,
    USE_TZ=True,
)
DOWN.close()  # nothing listens on the port of the mail server
django.setup()

from django.contrib.auth.forms import PasswordResetForm  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template import engines  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user("ann", "ann@example.com", "a password")
KNOWN, UNKNOWN = (PasswordResetForm({"email": f"{name}@example.com"}) for name in ("ann", "bob"))
assert KNOWN.is_valid() and UNKNOWN.is_valid()
TEMPLATE = engines["django"].from_string("{{ text|urlize }}")
asked = 0
logged: list[str] = []


class Keep(logging.Handler):
    """Keeps the messages of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        logged.append(record.getMessage())


logging.getLogger("django").addHandler(Keep())


def reset(form: PasswordResetForm) -> str:
    """Ask for a password reset, and say what the visitor sees and what the log says."""
    logged.clear()
    try:
        form.save(domain_override="example.com", subject_template_name="subject", email_template_name="mail")
    except OSError as error:
        return f"error page: {type(error).__name__}"
    return "; ".join(["mail is on its way", *(f"logged: {message}" for message in logged)])


def turns(pairs: int) -> int:
    """Count how many turns the held template's `urlize` takes for a text of that many pairs."""
    count = 0

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_name == "unescape"

    sys.setprofile(look)
    try:
        TEMPLATE.render({"text": "http://example.com?x=&" + ".;" * pairs})
    finally:
        sys.setprofile(None)
    return count


def ask() -> dict[str, object]:
    """Use every held object once."""
    global asked
    asked += 1
    return {
        "asked": asked,
        "reset, known address": reset(KNOWN),
        "reset, unknown address": reset(UNKNOWN),
        "urlize": TEMPLATE.render({"text": "see http://example.com."}),
        "turns for 50 pairs": turns(50),
        "turns for 100 pairs": turns(100),
    }


serve(ask)

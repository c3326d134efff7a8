"""Families of the mail to owners: what became of what Alertmanager told."""

from jobgauge.family import Family, Kind

NOTIFICATIONS = Family(
    "jobgauge_mail_notifications_total",
    Kind.COUNTER,
    "Notifications for owners by what became of them: sent, unknown (the owner has no address), refused (the mail server does not"
    " take the address), repeated (the owner was told already), busy and failed (Alertmanager was asked to come again, as others"
    " were first, or as something is broken).",
    ("outcome",),
)

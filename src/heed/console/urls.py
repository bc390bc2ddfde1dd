"""The addresses of the console. Each page group brings its own; passwords and second factors are allauth's."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from heed.console import (
    api_keys,
    audiences,
    campaign_messages,
    campaigns,
    compose,
    connections,
    contacts,
    handset,
    history,
    home,
    inbox,
    jobs,
    manage,
    members,
    messages,
    numbers,
    opt_out_imports,
    opt_out_page,
    opt_outs,
    reports,
    reviews,
    send,
    settings,
    sign_in,
    switch,
    templates,
    translations,
    webhooks,
    why_not,
)

# Of allauth's pages only these: who changes an e-mail address is asked more than allauth asks (console/settings.py).
_ALLAUTH: list[URLPattern | URLResolver] = [
    path("sign-in/", account.login, name="account_login"),
    path("sign-out/", account.logout, name="account_logout"),
    path("password/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("sign-up/", account.signup, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("second-factor/", include("allauth.mfa.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *_ALLAUTH,
    *home.urlpatterns,
    *sign_in.urlpatterns,
    *send.urlpatterns,
    *compose.urlpatterns,
    *connections.urlpatterns,
    *audiences.urlpatterns,
    *campaigns.urlpatterns,
    *campaign_messages.urlpatterns,
    *contacts.urlpatterns,
    *templates.urlpatterns,
    *reports.urlpatterns,
    *messages.urlpatterns,
    *inbox.urlpatterns,
    *reviews.urlpatterns,
    *opt_outs.urlpatterns,
    *why_not.urlpatterns,
    *opt_out_imports.urlpatterns,
    *jobs.urlpatterns,
    *history.urlpatterns,
    *numbers.urlpatterns,
    *manage.urlpatterns,
    *translations.urlpatterns,
    *switch.urlpatterns,
    *handset.urlpatterns,
    *settings.urlpatterns,
    *opt_out_page.urlpatterns,
    *members.urlpatterns,
    *api_keys.urlpatterns,
    *webhooks.urlpatterns,
]

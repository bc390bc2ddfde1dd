from __future__ import annotations

from django.urls import URLPattern, path

from heed.hooks import views

urlpatterns: list[URLPattern] = [
    path("<slug:kind>/<str:token>/", views.hook, name="hook"),
    path("<slug:kind>/<str:token>", views.hook),
]

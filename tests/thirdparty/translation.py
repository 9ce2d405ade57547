"""What django-modeltranslation translates."""

from __future__ import annotations

from modeltranslation.translator import TranslationOptions, register

from tests.thirdparty.models import News


@register(News)
class NewsTranslation(TranslationOptions):
    """The title is written in each language."""

    fields = ("title",)

"""Models with every kind of relation that Django has, in circles."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.fields.related import ForeignObject


class Ranked(models.Model):
    """What every model has: something to filter, sort and defer by."""

    name = models.CharField(max_length=20)
    rank = models.IntegerField(default=0)

    class Meta:
        abstract = True
        ordering = ("rank", "pk")


class Region(Ranked):
    code = models.CharField(max_length=8, primary_key=True)


class Person(Ranked):
    code = models.CharField(max_length=8, unique=True)
    home = models.ForeignKey(Region, models.CASCADE, null=True, related_name="people")
    boss = models.ForeignKey("self", models.SET_NULL, null=True, related_name="staff")
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, to_field="code", related_name="pupils")
    friends = models.ManyToManyField("self")
    remarks: Any = GenericRelation("Remark")


class Passport(Ranked):
    """A one-to-one relation that is the key."""

    holder = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="passport")


class Locker(Ranked):
    """A one-to-one relation by a text, which may be missing."""

    owner = models.OneToOneField(Person, models.CASCADE, null=True, to_field="code", related_name="locker")


class LowManager(models.Manager[Any]):
    """Hides rows."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(rank__lt=9)


class Skill(Ranked):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    people = models.ManyToManyField(Person, related_name="skills")

    objects: Any = LowManager()


class Club(Ranked):
    slug = models.SlugField(max_length=8, unique=True)
    leader = models.ForeignKey(Person, models.CASCADE, null=True, related_name="led")
    members = models.ManyToManyField(Person, through="Membership", related_name="clubs")
    remarks: Any = GenericRelation("Remark")


class Membership(Ranked):
    """Relates by texts, not by primary keys."""

    club = models.ForeignKey(Club, models.CASCADE, to_field="slug", related_name="memberships")
    person = models.ForeignKey(Person, models.CASCADE, to_field="code", related_name="memberships")


class Animal(Ranked):
    owner = models.ForeignKey(Person, models.CASCADE, null=True, related_name="animals")
    remarks: Any = GenericRelation("Remark")


class Dog(Animal):
    """A child with a separate table (multi-table inheritance)."""

    walker = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="walked")
    enemies = models.ManyToManyField(Animal, related_name="dogs_against")


class Puppy(Dog):
    mother = models.ForeignKey(Dog, models.CASCADE, null=True, related_name="puppies")


class OldDog(Dog):
    """A proxy."""

    class Meta:
        proxy = True


class Toy(Ranked):
    dog = models.ForeignKey(Dog, models.CASCADE, related_name="toys")
    giver = models.ForeignKey(OldDog, models.SET_NULL, null=True, related_name="given")


class DesksManager(models.Manager[Any]):
    """Its rows come with their desks."""

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("desks")


class Room(Ranked):
    region = models.ForeignKey(Region, models.CASCADE, null=True, related_name="rooms")

    objects: Any = DesksManager()


class Desk(Ranked):
    """A key of two columns."""

    pk = models.CompositePrimaryKey("room_id", "number")
    room = models.ForeignKey(Room, models.CASCADE, related_name="desks")
    number = models.IntegerField()
    user = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="desks")

    class Meta:
        ordering = ("room", "number")


class Drawer(Ranked):
    """Relates to a key of two columns."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="drawers")
    desk_number = models.IntegerField()
    desk = ForeignObject(
        Desk,
        models.CASCADE,
        from_fields=["room_id", "desk_number"],
        to_fields=["room_id", "number"],
        related_name="drawers",
    )


class Remark(Ranked):
    """About anything."""

    author = models.ForeignKey(Person, models.CASCADE, null=True, related_name="written")
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey("content_type", "object_id")


MODELS: list[Any] = [
    Region,
    Person,
    Passport,
    Locker,
    Skill,
    Club,
    Membership,
    Animal,
    Dog,
    Puppy,
    OldDog,
    Toy,
    Room,
    Desk,
    Drawer,
    Remark,
]

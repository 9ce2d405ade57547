"""The rows of the small world: the same at every run, with relations that are missing, doubled and in circles."""

from __future__ import annotations

import random
import uuid
from typing import Any

from tests.graphs.models import (
    Animal,
    Club,
    Desk,
    Dog,
    Drawer,
    Locker,
    Membership,
    Passport,
    Person,
    Puppy,
    Region,
    Remark,
    Room,
    Skill,
    Toy,
)

PEOPLE = 9


def load(using: str) -> None:
    """Insert all rows into a database that has the tables."""
    _Loading(using).all()


class _Loading:
    def __init__(self, using: str) -> None:
        self.using, self.rng = using, random.Random(5)
        self.people: list[Any] = []

    def all(self) -> None:
        """Insert the rows of every model."""
        regions = [self.saved(Region(code=f"r{number}")) for number in range(3)]
        self.load_people(regions)
        clubs = self.load_clubs()
        animals = self.load_animals()
        self.load_rooms(regions)
        for _ in range(14):
            subject = self.rng.choice([*self.people, *clubs, *animals])
            self.saved(Remark(author=self.somebody(), subject=subject))

    def saved(self, instance: Any) -> Any:
        """A new row with a name and a rank."""
        instance.name, instance.rank = f"{type(instance).__name__} {self.rng.randrange(4)}", self.rng.randrange(12)
        instance.save(using=self.using)
        return instance

    def maybe(self, choices: list[Any]) -> Any:
        """One of them, or none."""
        return self.rng.choice([*choices, None])

    def somebody(self) -> Any:
        """A person, or none."""
        return self.maybe(self.people)

    def load_people(self, regions: list[Any]) -> None:
        """People with homes, passports, lockers and skills; the first one has the last one for a boss."""
        rng, people = self.rng, self.people
        for number in range(PEOPLE):
            home, boss, mentor = self.maybe(regions), self.somebody(), self.somebody()
            people.append(self.saved(Person(code=f"p{number}", home=home, boss=boss, mentor=mentor)))
        people[0].boss = people[0].mentor = people[-1]
        people[0].save(using=self.using)
        for person in people:
            person.friends.add(*rng.sample(people, rng.randrange(3)))
        for person in people[::2]:
            self.saved(Passport(holder=person))
        for owner in (people[1], people[2], None, None):
            self.saved(Locker(owner=owner))
        for number in range(4):
            self.saved(Skill(key=uuid.UUID(int=number))).people.add(*rng.sample(people, rng.randrange(5)))

    def load_clubs(self) -> list[Any]:
        """Clubs, in which some people are members twice."""
        clubs = [self.saved(Club(slug=f"c{number}", leader=self.somebody())) for number in range(4)]
        for _ in range(12):
            self.saved(Membership(club=self.rng.choice(clubs), person=self.rng.choice(self.people)))
        return clubs

    def load_animals(self) -> list[Any]:
        """Animals, some of which are dogs, some of which are puppies; and toys."""
        rng = self.rng
        animals = [self.saved(Animal(owner=self.somebody())) for _ in range(3)]
        dogs = [self.saved(Dog(owner=self.somebody(), walker=self.somebody())) for _ in range(4)]
        puppies = [self.saved(Puppy(owner=self.somebody(), mother=self.maybe(dogs))) for _ in range(3)]
        for dog in dogs:
            dog.enemies.add(*rng.sample([*animals, *[each.animal_ptr for each in dogs]], rng.randrange(4)))
        for _ in range(8):
            dog = rng.choice([*dogs, *[each.dog_ptr for each in puppies]])
            self.saved(Toy(dog=dog, giver_id=rng.choice(dogs).pk))
        return [*animals, *dogs]

    def load_rooms(self, regions: list[Any]) -> None:
        """Rooms with desks, and drawers of desks."""
        rng = self.rng
        rooms = [self.saved(Room(region=self.maybe(regions))) for _ in range(3)]
        desks = [
            self.saved(Desk(room=room, number=number, user=self.somebody()))
            for room in rooms
            for number in range(rng.randrange(1, 4))
        ]
        for desk in [rng.choice(desks) for _ in range(6)]:
            self.saved(Drawer(room_id=desk.room_id, desk_number=desk.number))

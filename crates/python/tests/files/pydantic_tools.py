from typing import Annotated, Dict, List, Optional

from pydantic import BaseModel, Field


class Address(BaseModel):
    title: str = Field(description="How to address somebody")
    city: str = "Bern"


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int = Field(ge=0)
    addresses: List[Address] = []


def invite(person: Person, others: Optional[List[Person]] = None, by_name: Dict[str, Address] = {}, note: Annotated[str, Field(description="A note")] = ""):
    """Invite people.

    Args:
        person: Who comes
    """
    return {"name": person.name, "cities": [a.city for a in person.addresses], "others": [o.name for o in others or []]}


def as_model(name: str) -> Person:
    return Person(name=name, age=1)

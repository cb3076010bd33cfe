"""The former place of two functions of `transforms.people`."""

from transforms.people import normalise_team_members, normalise_teams

__all__ = ("normalise_team_members", "normalise_teams")

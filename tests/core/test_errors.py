"""Every error meant for people can be caught as one."""

from core import errors


def test_every_error_is_a_thaw_error_and_says_what_it_is_about():
    made = [e for e in vars(errors).values() if isinstance(e, type)]
    assert len(made) >= 8
    assert all(issubclass(e, errors.ThawError) and e.__doc__ for e in made)

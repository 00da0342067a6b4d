"""One form for everything that is held against a goal."""


def check(name, measured, goal, met, note=""):
    """Return a check.

    Parameters
    ----------
    name : str
        What is looked at.
    measured : float or str
        What was found.
    goal : str
        What was aimed at.
    met : bool
        Whether it was reached.
    note : str
        Why not, or what a reader must know.
    """
    measured = measured if isinstance(measured, str) else f"{float(measured):.2g}"
    return {"name": name, "measured": measured, "goal": goal, "met": bool(met), "note": note}


def within(name, deviation, tolerance, note=""):
    """Return the check of a largest deviation."""
    return check(name, deviation, f"at most {tolerance:.2g}", deviation <= tolerance, note)

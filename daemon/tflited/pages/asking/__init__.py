"""Convert now: a form for everything a trigger document can say, and the document it makes."""

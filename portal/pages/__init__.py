"""Pages: ask the viewer's access object, apply a rule, render. Nothing else happens here."""

"""Everything that can go wrong between the portal and SM API, done on purpose over real HTTP."""

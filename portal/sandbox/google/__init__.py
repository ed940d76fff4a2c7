"""A stand-in for Google's OpenID provider, which can also be told to misbehave."""

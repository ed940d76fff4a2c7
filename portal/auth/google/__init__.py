"""Signing in with Google: OpenID Connect with PKCE, state and nonce, and nothing taken on trust."""

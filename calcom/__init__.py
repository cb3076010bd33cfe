"""Extract: read Cal.com's API v2 with httpx and Pydantic, without data frames, databases or Prefect."""

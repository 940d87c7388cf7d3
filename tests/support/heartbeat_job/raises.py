"""A script with a mistake: it ends before it has a job."""

if __name__ == "__main__":
    raise RuntimeError("no luck today")

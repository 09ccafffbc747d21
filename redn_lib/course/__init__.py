"""A course from the notebooks: editions to hand out (`build`), copies that come back (`mark`)."""

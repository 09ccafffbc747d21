"""Work for processes of their own: on words, of which some fail, kill their process or take long."""

import os
import time


def start():
    """Work that answers with the word and the number of its process."""

    def work(item, is_stopped):
        if item == "fails":
            raise KeyError("no such thing")
        if item == "dies":
            os._exit(7)
        while item == "long" and not is_stopped():
            time.sleep(0.01)
        return item, os.getpid()

    return work

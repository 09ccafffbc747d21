"""What the notebooks check: a module for each lesson, with its answers, usual mistakes and cases.

A notebook gets its module by `redn_lib.teach.lesson.load_lesson`, from this folder beside it.
"""

"""Everything that imports Rasa: the embedded brain, its NLU components and its phrasebook.

Importing this package first lays placeholders where Rasa would load TensorFlow (see `light`), so
that no other module has to think about the order of imports.
"""

from bot.brain import light

light.install()

"""Commands that prepare: train the model, migrate the database, print the settings."""

from __future__ import annotations

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import ROOT, Settings, describe, env_example, table


def train(arguments: Arguments, settings: Settings) -> int:
    """Train when stale."""
    from bot.brain import light, training

    light.load_rasa()
    if arguments.write_domain:
        from bot.brain import domain

        phrases = settings.city_dir / "phrases" / f"{settings.primary_language}.yml"
        (ROOT / "domain.yml").write_text(domain.text(phrases), "utf-8")
        say("domain    written")
    try:
        model = training.ensure(settings, force=arguments.force)
    except training.TrainingFailed as error:
        raise Refused(str(error)) from None
    took = f"trained in {model.seconds:.0f} s" if model.seconds else "up to date"
    say(f"model     {took} ({model.path})")
    return 0


def migrate(arguments: Arguments, settings: Settings) -> int:
    """Upgrade, or write a new revision."""
    from bot.store import migrate as migrations

    database = database_of(settings)
    if arguments.new:
        migrations.new_revision(database, arguments.new)
    say(f"database  {database.engine.dialect.name}, revision {migrations.upgrade(database)}")
    return 0


def settings(arguments: Arguments, chosen: Settings) -> int:
    """Print what is set and what could be."""
    if arguments.markdown:
        say(table())
    elif arguments.env:
        print(env_example(), end="")
    else:
        values = chosen.dict()
        for variable, _, text in describe():
            say(f"{variable}={values[variable.removeprefix('LIKEWISE_').lower()]}  # {text}")
    return 0

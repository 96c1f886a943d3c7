"""The columns of upstream's table.

Initial like 0001. Otherwise `migrate --fake-initial` would run it on a table that
another program created: for an initial migration, Django only checks that `pages` exists.
"""

import django.core.validators
from django.db import migrations, models

import config.sites.subdomains


class Migration(migrations.Migration):
    initial = True

    dependencies = [("sites", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="site",
            name="pages",
            field=models.IntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
        migrations.AlterField(
            model_name="site",
            name="name",
            field=models.CharField(max_length=255, null=True),
        ),
        migrations.AlterField(
            model_name="site",
            name="state",
            field=models.CharField(help_text="Such as CA.", max_length=255, null=True),
        ),
        migrations.AlterField(
            model_name="site",
            name="last_updated",
            field=models.CharField(
                blank=True,
                help_text="Such as 2026-01-31T12:00:00+00:00.",
                max_length=255,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="site",
            name="subdomain",
            field=models.CharField(
                help_text="Such as alameda.ca. It is also the name of the site's folder.",
                max_length=253,
                primary_key=True,
                serialize=False,
                validators=[config.sites.subdomains.validate_subdomain],
            ),
        ),
    ]

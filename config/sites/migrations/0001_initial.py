from django.db import migrations, models

import config.sites.subdomains


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Site",
            fields=[
                (
                    "subdomain",
                    models.CharField(
                        max_length=253,
                        primary_key=True,
                        serialize=False,
                        validators=[config.sites.subdomains.validate_subdomain],
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("state", models.CharField(max_length=64)),
                ("last_updated", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "sites",
            },
        ),
    ]

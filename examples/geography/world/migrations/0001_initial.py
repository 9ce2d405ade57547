"""The first tables, as `makemigrations` wrote them."""

# ruff: noqa: RUF012

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='City',
            fields=[
                ('geoname_id', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('population', models.PositiveIntegerField()),
                ('latitude', models.FloatField()),
                ('longitude', models.FloatField()),
                ('timezone', models.CharField(max_length=40)),
            ],
            options={
                'verbose_name_plural': 'cities',
            },
        ),
        migrations.CreateModel(
            name='Continent',
            fields=[
                ('code', models.CharField(max_length=2, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=50, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='Currency',
            fields=[
                ('code', models.CharField(max_length=3, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=50)),
            ],
            options={
                'verbose_name_plural': 'currencies',
            },
        ),
        migrations.CreateModel(
            name='Language',
            fields=[
                ('code', models.CharField(max_length=3, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=50)),
            ],
        ),
        migrations.CreateModel(
            name='Country',
            fields=[
                ('code', models.CharField(max_length=2, primary_key=True, serialize=False)),
                ('code3', models.CharField(max_length=3, unique=True)),
                ('name', models.CharField(max_length=100, unique=True)),
                ('population', models.BigIntegerField()),
                ('area', models.FloatField(help_text='Square kilometres.')),
                ('phone', models.CharField(blank=True, max_length=20)),
                ('domain', models.CharField(blank=True, max_length=10)),
                ('postal_code_pattern', models.CharField(blank=True, max_length=200)),
                ('capital', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='capital_of', to='world.city')),
                ('continent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='countries', to='world.continent')),
                ('neighbours', models.ManyToManyField(to='world.country')),
                ('currency', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='countries', to='world.currency')),
                ('languages', models.ManyToManyField(related_name='countries', to='world.language')),
            ],
            options={
                'verbose_name_plural': 'countries',
            },
        ),
        migrations.AddField(
            model_name='city',
            name='country',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cities', to='world.country'),
        ),
        migrations.AddIndex(
            model_name='city',
            index=models.Index(fields=['name'], name='world_city_name_9570ef_idx'),
        ),
        migrations.AddIndex(
            model_name='city',
            index=models.Index(fields=['latitude'], name='world_city_latitud_ab0019_idx'),
        ),
        migrations.AddIndex(
            model_name='city',
            index=models.Index(fields=['-population'], name='world_city_populat_edac43_idx'),
        ),
        migrations.AddIndex(
            model_name='city',
            index=models.Index(fields=['country', '-population'], name='world_city_country_85c241_idx'),
        ),
    ]
